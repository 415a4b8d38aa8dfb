// Package stock keeps count of what is in the warehouse, and of what is reserved for orders. It prints a line for each
// change.
package stock

import (
	"errors"
	"fmt"
	"sync"
)

var (
	// ErrUnknown says that there is nothing by that name.
	ErrUnknown = errors.New("not known")
	// ErrShort says that less is available than was asked for.
	ErrShort = errors.New("not enough in stock")
)

// Level is how much there is of one product.
type Level struct {
	SKU       string `json:"sku"`
	OnHand    int    `json:"onHand"`
	Reserved  int    `json:"reserved"`
	Available int    `json:"available"`
}

// Reservation is a part of the stock that is kept for an order.
type Reservation struct {
	ID       string `json:"reservationId"`
	SKU      string `json:"sku"`
	OrderID  int64  `json:"orderId"`
	Quantity int    `json:"quantity"`
}

// Stock is the warehouse. It may be used by several goroutines.
type Stock struct {
	newID func() string

	mu       sync.Mutex
	onHand   map[string]int
	reserved map[string]int
	byID     map[string]Reservation
}

// New makes a warehouse of what is on hand, by SKU. Reservations get their names from newID, which never gives the same
// one twice.
func New(onHand map[string]int, newID func() string) *Stock {
	return &Stock{
		newID:    newID,
		onHand:   onHand,
		reserved: make(map[string]int),
		byID:     make(map[string]Reservation),
	}
}

// Level tells how much there is of a product.
func (s *Stock) Level(sku string) (Level, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.level(sku)
}

func (s *Stock) level(sku string) (Level, error) {
	onHand, ok := s.onHand[sku]
	if !ok {
		return Level{}, fmt.Errorf("product %q: %w", sku, ErrUnknown)
	}
	reserved := s.reserved[sku]
	return Level{SKU: sku, OnHand: onHand, Reserved: reserved, Available: onHand - reserved}, nil
}

// Reserve keeps some of a product for an order. Each reservation has at least one piece, so there are never more of them
// than there are pieces.
func (s *Stock) Reserve(sku string, orderID int64, quantity int) (Reservation, error) {
	if quantity < 1 {
		return Reservation{}, fmt.Errorf("quantity %d: expected at least 1", quantity)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	level, err := s.level(sku)
	if err != nil {
		return Reservation{}, err
	}
	if quantity > level.Available {
		return Reservation{}, fmt.Errorf("%w: %d of %s are available, not %d", ErrShort, level.Available, sku, quantity)
	}
	reservation := Reservation{ID: s.newID(), SKU: sku, OrderID: orderID, Quantity: quantity}
	s.reserved[sku] += quantity
	s.byID[reservation.ID] = reservation
	fmt.Printf("reserved %d of %s as %s\n", quantity, sku, reservation.ID)
	return reservation, nil
}

// Find tells a reservation by its name.
func (s *Stock) Find(sku, id string) (Reservation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(sku, id)
}

func (s *Stock) find(sku, id string) (Reservation, error) {
	reservation, ok := s.byID[id]
	if !ok || reservation.SKU != sku {
		return Reservation{}, fmt.Errorf("reservation %q of %q: %w", id, sku, ErrUnknown)
	}
	return reservation, nil
}

// Release gives up a reservation; what it kept is available again.
func (s *Stock) Release(sku, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	reservation, err := s.find(sku, id)
	if err != nil {
		return err
	}
	s.reserved[sku] -= reservation.Quantity
	delete(s.byID, id)
	fmt.Printf("released %d of %s as %s\n", reservation.Quantity, sku, id)
	return nil
}
