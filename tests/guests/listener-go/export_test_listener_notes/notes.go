// Package export_test_listener_notes has the functions of test:listener/notes. Its name is the one by which the generated
// bindings look for it.
package export_test_listener_notes

import (
	"strings"

	"wit_component/internal/wish"
)

// Take gives what was noted since it was asked last.
func Take() string {
	text := strings.Join(wish.Notes, "\n")
	wish.Notes = nil
	return text
}
