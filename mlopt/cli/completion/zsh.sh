# Completes mlopt in zsh: eval "$(mlopt completion zsh)", after compinit, best in ~/.zshrc.
_mlopt() {
  local -a found closed
  found=("${(@f)$(mlopt completion complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  closed=(${found:#*=})
  found=(${(M)found:#*=})
  compadd -a closed
  compadd -S '' -a found
  (( ${#closed} + ${#found} )) || _files
}
compdef _mlopt mlopt
