// What things cost: the price list, discounts on volume, and rounding to what a currency has coins for.
#pragma once

#include "text.h"

enum {
    // Products on the price list.
    PRODUCTS = 4,
    // The most pieces of one product in a cart.
    QUANTITY_MOST = 10000,
    // No price and no rate is above these, so that no amount comes near the end of its type.
    CENTS_MOST = 1000000,
    RATE_MOST = 1000000,
};

typedef struct {
    text sku;
    uint32_t cents; // of one piece, in EUR
} product;

typedef struct {
    text code;         // ISO 4217
    uint32_t rate;     // what a cent of EUR is worth, in ten-thousandths of the currency's smallest unit
    uint32_t step;     // amounts are multiples of this many smallest units
    uint32_t decimals; // digits behind the point when an amount is shown
} currency;

// Pieces of each product, in the order of the price list.
typedef struct {
    uint32_t quantity[PRODUCTS];
} cart;

extern const product price_list[PRODUCTS];

// The place of a product on the price list; PRODUCTS if it is not there.
size_t product_find(text sku);

// Null if there is none by that name.
const currency *currency_find(text code);

// The names of all currencies, for people.
text currency_names(void);

// The discount on so many pieces of one product, in percent.
uint32_t discount(uint32_t quantity);

// What so many pieces of a product cost after their discount, in the smallest unit of a currency, rounded half up to its
// step. `quantity` is QUANTITY_MOST at the most.
uint64_t amount(const product *of, uint32_t quantity, const currency *in);
