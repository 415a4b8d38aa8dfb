# Completion for patchbay in bash. It asks patchbay itself, which asks the running host.
_patchbay() {
    local IFS=$'\n'
    # shellcheck disable=SC2207 # bash 3 has no mapfile
    COMPREPLY=($(PATCHBAY_COMPLETE=bash PROGRAM -- "$2" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
    if [[ ${COMPREPLY[0]-} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _patchbay patchbay 2>/dev/null || complete -F _patchbay patchbay
