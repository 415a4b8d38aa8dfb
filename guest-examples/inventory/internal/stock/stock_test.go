package stock

import (
	"errors"
	"strconv"
	"sync"
	"testing"
)

func warehouse() *Stock {
	next := 0
	return New(map[string]int{"tea": 10}, func() string {
		next++
		return strconv.Itoa(next)
	})
}

func level(t *testing.T, s *Stock) Level {
	t.Helper()
	level, err := s.Level("tea")
	if err != nil {
		t.Fatal(err)
	}
	return level
}

func TestAReservationTakesFromWhatIsAvailableUntilItIsReleased(t *testing.T) {
	s := warehouse()
	made, err := s.Reserve("tea", 123, 4)
	if want := (Reservation{ID: "1", SKU: "tea", OrderID: 123, Quantity: 4}); err != nil || made != want {
		t.Fatalf("got %+v, %v; want %+v", made, err, want)
	}
	if got, want := level(t, s), (Level{SKU: "tea", OnHand: 10, Reserved: 4, Available: 6}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if found, err := s.Find("tea", "1"); err != nil || found != made {
		t.Errorf("got %+v, %v; want %+v", found, err, made)
	}
	if err := s.Release("tea", "1"); err != nil {
		t.Fatal(err)
	}
	if got := level(t, s); got.Available != 10 || got.Reserved != 0 {
		t.Errorf("got %+v after the release", got)
	}
	if err := s.Release("tea", "1"); !errors.Is(err, ErrUnknown) {
		t.Errorf("a second release: got %v, want %v", err, ErrUnknown)
	}
}

func TestNothingIsReservedThatIsNotThere(t *testing.T) {
	for _, test := range []struct {
		sku      string
		quantity int
		want     error
	}{
		{"tea", 11, ErrShort},
		{"coffee", 1, ErrUnknown},
	} {
		s := warehouse()
		if _, err := s.Reserve(test.sku, 1, test.quantity); !errors.Is(err, test.want) {
			t.Errorf("%d of %s: got %v, want %v", test.quantity, test.sku, err, test.want)
		}
		if got := level(t, s); got.Available != 10 {
			t.Errorf("%d of %s: %d are left", test.quantity, test.sku, got.Available)
		}
	}
	for _, quantity := range []int{0, -1} {
		if _, err := warehouse().Reserve("tea", 1, quantity); err == nil {
			t.Errorf("%d were reserved", quantity)
		}
	}
}

func TestAReservationBelongsToItsProduct(t *testing.T) {
	s := New(map[string]int{"tea": 1, "mug": 1}, func() string { return "1" })
	if _, err := s.Reserve("tea", 1, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find("mug", "1"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v, want %v", err, ErrUnknown)
	}
}

func TestManyAtATimeNeverReserveMoreThanThereIs(t *testing.T) {
	s := warehouse()
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { _, _ = s.Reserve("tea", 1, 1) })
	}
	group.Wait()
	if got := level(t, s); got.Reserved != 10 || got.Available != 0 {
		t.Errorf("got %+v", got)
	}
}
