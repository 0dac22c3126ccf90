# Completes mlopt in fish: mlopt completion fish | source, best in ~/.config/fish/config.fish.
complete -c mlopt -a '(mlopt completion complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
