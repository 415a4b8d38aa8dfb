// Package wish reads what the data of a message ask for, in words: the first one says what, the others with what. It keeps
// what came of it, too. It knows nothing of WASI, so it runs and is tested on any machine.
package wish

import (
	"strconv"
	"strings"
)

// Wish is what is to be done. What it does not need is left empty.
type Wish struct {
	What, Topic, ID string
	Wanted, Ms      uint32
	Data            string
}

// Notes has what the instance has done, a line each.
var Notes []string

// Read reads the data of a message.
func Read(data []byte) Wish {
	words := strings.Split(string(data), " ")
	from := func(place int) string { return strings.Join(words[min(place, len(words)):], " ") }
	at := func(place int) string {
		if place < len(words) {
			return words[place]
		}
		return ""
	}
	number := func(place int) uint32 {
		parsed, _ := strconv.ParseUint(at(place), 10, 32)
		return uint32(parsed)
	}
	switch words[0] {
	case "retry", "trap":
		return Wish{What: words[0]}
	case "publish":
		return Wish{What: "publish", Topic: at(1), ID: at(2), Data: from(3)}
	case "ask":
		return Wish{What: "ask", Topic: at(1), Wanted: number(2), Ms: number(3), Data: from(4)}
	case "answer":
		return Wish{What: "answer", Data: from(1)}
	}
	return Wish{What: "acknowledge"}
}
