# Completion for patchbay in fish. It asks patchbay itself, which asks the running host.
function __patchbay_candidates
    set --local before (commandline --current-process --tokenize --cut-at-cursor)
    PATCHBAY_COMPLETE=fish PROGRAM -- $before (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --keep-order --no-files --command patchbay --arguments '(__patchbay_candidates)'
