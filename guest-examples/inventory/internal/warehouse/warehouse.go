// Package warehouse has what one instance of the service knows. With `instances = "reuse"`, calls that meet the same
// instance find it as the last one left it, whichever way they come.
package warehouse

import (
	"fmt"
	"math/rand/v2"

	"wit_component/internal/stock"
)

// Stock is the stock of this instance.
var Stock = stock.New(
	map[string]int{"coffee": 80, "kettle": 12, "mug": 40, "tea": 120},
	func() string { return fmt.Sprintf("res-%016x", rand.Uint64()) },
)
