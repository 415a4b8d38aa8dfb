#compdef patchbay
# Completion for patchbay in zsh. It asks patchbay itself, which asks the running host.
_patchbay() {
    local -a answers open whole
    answers=("${(@f)$(PATCHBAY_COMPLETE=zsh PROGRAM -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    open=("${(@M)answers:#(*=|*/|*=:*|*/:*)}")
    whole=("${(@)answers:#(*=|*/|*=:*|*/:*)}")
    (( $#open )) && _describe -V 'values' open -S ''
    (( $#whole )) && _describe -V 'values' whole
}
if [[ ${funcstack[1]} == _patchbay ]]; then
    _patchbay "$@"
else
    compdef _patchbay patchbay
fi
