# Made by ironwalctl itself: see tests/ironwalctl/generated_files.rs.
_ironwalctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local command=${COMP_WORDS[1]} options= takes=directory
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "verify stat report checkpoints dump tail grep export load repair snapshot import generate help --help --version" -- "$word"))
        return
    fi
    case $command in
    verify)
        options="-q --quiet --stream --json --progress --color --help"
        takes=directory
        case $before in
        --stream) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    stat)
        options="--stream --segments --watch --interval --count --json --prometheus --color --help"
        takes=directory
        case $before in
        --stream) options= takes=nothing ;;
        --interval) options= takes=nothing ;;
        --count) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    report)
        options="--html --stream --progress --color --help"
        takes=directory
        case $before in
        --html) options= takes=file ;;
        --stream) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    checkpoints)
        options="--show --hex --json --color --help"
        takes=directory
        case $before in
        --show) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    dump)
        options="--stream --from --to --properties --json --color --help"
        takes=directory
        case $before in
        --stream) options= takes=nothing ;;
        --from) options= takes=nothing ;;
        --to) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    tail)
        options="-n --lines -f --follow --stream --durable --interval --json --color --help"
        takes=directory
        case $before in
        -n|--lines) options= takes=nothing ;;
        --stream) options= takes=nothing ;;
        --interval) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    grep)
        options="--hex -i --ignore-case -v --invert-match -c --count --stream --from --to --json --progress --color --help"
        case $before in
        --stream) options= takes=nothing ;;
        --from) options= takes=nothing ;;
        --to) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    export)
        options="--format --text --stream --from --to --progress --color --help"
        takes=directory
        case $before in
        --format) options= takes=json,raw,lines ;;
        --stream) options= takes=nothing ;;
        --from) options= takes=nothing ;;
        --to) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    load)
        options="--format --stream --compress --json --progress --color --help"
        takes=file
        case $before in
        --format) options= takes=json,raw,lines ;;
        --stream) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    repair)
        options="--to --compress --json --progress --color --help"
        takes=directory
        case $before in
        --to) options= takes=directory ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    snapshot)
        options="--copy --json --progress --color --help"
        case $before in
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    import)
        options="--key --shards --compress --json --progress --color --help"
        case $before in
        --key) options= takes=nothing ;;
        --shards) options= takes=nothing ;;
        --color) options= takes=auto,always,never ;;
        esac
        ;;
    generate)
        options="--help"
        takes=man,bash,zsh,fish
        ;;
    help)
        options="--help"
        takes=command
        ;;
    *) return ;;
    esac
    if [ -n "$options" ] && [ "${word#-}" != "$word" ]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
        return
    fi
    case $takes in
    directory) compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$word")) ;;
    file) compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$word")) ;;
    command) COMPREPLY=($(compgen -W "verify stat report checkpoints dump tail grep export load repair snapshot import generate help" -- "$word")) ;;
    nothing) ;;
    *) COMPREPLY=($(compgen -W "${takes//,/ }" -- "$word")) ;;
    esac
}
complete -F _ironwalctl ironwalctl
