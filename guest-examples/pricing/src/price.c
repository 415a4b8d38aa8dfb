#include "price.h"

#define NAMED(name) {"" name "", sizeof(name) - 1}

const product price_list[PRODUCTS] = {
    {NAMED("coffee"), 1290},
    {NAMED("kettle"), 4995},
    {NAMED("mug"), 850},
    {NAMED("tea"), 499},
};

enum { PERCENT = 100, RATE_ONE = 10000 };

// The rates are those of some day: this shop is an example. Francs are paid in steps of five Rappen; a yen has no cents.
static const currency currencies[] = {
    {NAMED("CHF"), 9350, 5, 2},
    {NAMED("EUR"), RATE_ONE, 1, 2},
    {NAMED("JPY"), 16213, 1, 0},
    {NAMED("USD"), 10840, 1, 2},
};

enum { CURRENCIES = sizeof currencies / sizeof *currencies };

_Static_assert((uint64_t)CENTS_MOST * QUANTITY_MOST * PERCENT <= UINT64_MAX / 4 / RATE_MOST, "an amount fits");

size_t product_find(text sku) {
    size_t place = 0;
    while (place < PRODUCTS && !text_equals(price_list[place].sku, sku)) {
        place++;
    }
    return place;
}

const currency *currency_find(text code) {
    for (size_t i = 0; i < CURRENCIES; i++) {
        if (text_equals(currencies[i].code, code)) {
            return &currencies[i];
        }
    }
    return NULL;
}

text currency_names(void) {
    return TEXT("CHF, EUR, JPY, USD");
}

uint32_t discount(uint32_t quantity) {
    if (quantity >= 100) {
        return 15;
    }
    if (quantity >= 50) {
        return 10;
    }
    return quantity >= 10 ? 5 : 0;
}

uint64_t amount(const product *of, uint32_t quantity, const currency *in) {
    // One division at the end: no cent is lost on the way.
    uint64_t exact = (uint64_t)of->cents * quantity * (PERCENT - discount(quantity)) * in->rate;
    uint64_t step = (uint64_t)PERCENT * RATE_ONE * in->step;
    return (exact + step / 2) / step * in->step;
}
