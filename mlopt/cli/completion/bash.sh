# Completes mlopt in bash: eval "$(mlopt completion bash)", best in ~/.bashrc.
_mlopt() {
  local line="${COMP_LINE:0:COMP_POINT}" IFS=$'\n' word begun
  word="${line##* }"
  # Bash takes what follows the last = or : for a word of its own.
  begun="${word%"${word##*[=:]}"}"
  COMPREPLY=($(eval "mlopt completion complete ${line#* }$([[ $line == *' ' ]] && printf "''")" 2>/dev/null))
  COMPREPLY=("${COMPREPLY[@]#"$begun"}")
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o default -F _mlopt mlopt
