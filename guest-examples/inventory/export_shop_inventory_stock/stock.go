// Package export_shop_inventory_stock is the service for other services: the functions of shop:inventory/stock. Its name
// is the one by which the generated bindings look for it, so it builds in the component only.
package export_shop_inventory_stock

import (
	"errors"

	wit "go.bytecodealliance.org/pkg/wit/types"

	"wit_component/internal/stock"
	"wit_component/internal/warehouse"
	types "wit_component/shop_inventory_stock"
)

// LevelOf tells how much there is of a product.
func LevelOf(sku string) wit.Result[types.Level, types.Refusal] {
	level, err := warehouse.Stock.Level(sku)
	if err != nil {
		return wit.Err[types.Level](refusal(err, sku))
	}
	return wit.Ok[types.Level, types.Refusal](types.Level{OnHand: uint32(level.OnHand), Reserved: uint32(level.Reserved)})
}

// Reserve keeps some of a product. Reservations that services make are for no order by number.
func Reserve(item types.Item) wit.Result[types.Reservation, types.Refusal] {
	if item.Qty == 0 {
		return wit.Err[types.Reservation](types.MakeRefusalNothing())
	}
	made, err := warehouse.Stock.Reserve(item.Sku, 0, int(item.Qty))
	if err != nil {
		return wit.Err[types.Reservation](refusal(err, item.Sku))
	}
	left := available(item.Sku)
	return wit.Ok[types.Reservation, types.Refusal](types.Reservation{Id: made.ID, Available: left})
}

// Release gives up what was kept.
func Release(sku string, id string) wit.Result[wit.Unit, types.Refusal] {
	if err := warehouse.Stock.Release(sku, id); err != nil {
		return wit.Err[wit.Unit](refusal(err, sku))
	}
	return wit.Ok[wit.Unit, types.Refusal](wit.Unit{})
}

func refusal(err error, sku string) types.Refusal {
	if errors.Is(err, stock.ErrShort) {
		return types.MakeRefusalShort(available(sku))
	}
	return types.MakeRefusalUnknown(err.Error())
}

func available(sku string) uint32 {
	level, err := warehouse.Stock.Level(sku)
	if err != nil {
		return 0
	}
	return uint32(level.Available)
}
