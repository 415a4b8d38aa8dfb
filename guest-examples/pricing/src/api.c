#include "api.h"

#include "price.h"

#define QUOTE "/api/pricing/quote"

// What a caller wants to know.
typedef struct {
    cart cart;
    const currency *currency;
} question;

enum {
    // The longest value of a parameter.
    VALUE_MOST = 64,
    // How much of what a caller sent is told back.
    TOLD_MOST = 200,
};

// Says what went wrong, as application/problem+json (RFC 9457). The detail is the three texts in a row.
static void problem(reply *to, uint16_t status, text before, text about, text after) {
    to->status = status;
    to->kind = TEXT("application/problem+json");
    put(&to->body, TEXT("{\"status\":"));
    put_number(&to->body, status);
    put(&to->body, TEXT(",\"detail\":\""));
    put_escaped(&to->body, before);
    put_escaped(&to->body, text_start(about, TOLD_MOST));
    put_escaped(&to->body, after);
    put(&to->body, TEXT("\"}"));
}

static bool wrong(reply *to, text before, text about, text after) {
    problem(to, 400, before, about, after);
    return false;
}

// Adds a line to the cart. Pieces of a product that is there already are added to them.
static bool add(reply *to, cart *cart, size_t place, text quantity) {
    uint32_t more = 0;
    uint32_t room = QUANTITY_MOST - cart->quantity[place];
    if (!text_number(quantity, room, &more) || more == 0) {
        return wrong(to, TEXT("quantity: expected a whole number from 1, and 10000 of "), price_list[place].sku,
                     TEXT(" at the most"));
    }
    cart->quantity[place] += more;
    return true;
}

// Reads `sku=tea&quantity=2&sku=mug&quantity=1&currency=EUR`. False if the reply says what is wrong with it.
static bool parse(text query, question *to, reply *refusal) {
    size_t place = PRODUCTS; // of the SKU that waits for its quantity
    bool empty = true;
    while (query.length > 0) {
        text value = text_cut(&query, '&');
        if (value.length == 0) {
            continue;
        }
        text name = text_cut(&value, '=');
        char scratch[VALUE_MOST];
        if (!text_decode(value, scratch, sizeof scratch, &value)) {
            return wrong(refusal, name, TEXT(": the value is malformed or too long"), TEXT(""));
        }
        if (text_equals(name, TEXT("sku"))) {
            if (place < PRODUCTS) {
                return wrong(refusal, TEXT("quantity: none is given for "), price_list[place].sku, TEXT(""));
            }
            place = product_find(value);
            if (place == PRODUCTS) {
                return wrong(refusal, TEXT("sku: there is no product `"), value, TEXT("`"));
            }
        } else if (text_equals(name, TEXT("quantity"))) {
            if (place == PRODUCTS) {
                return wrong(refusal, TEXT("quantity: the sku that it belongs to comes before it"), TEXT(""), TEXT(""));
            }
            if (!add(refusal, &to->cart, place, value)) {
                return false;
            }
            place = PRODUCTS;
            empty = false;
        } else if (text_equals(name, TEXT("currency"))) {
            to->currency = currency_find(value);
            if (to->currency == NULL) {
                return wrong(refusal, TEXT("currency: expected one of "), currency_names(), TEXT(""));
            }
        } else {
            return wrong(refusal, TEXT("there is no parameter `"), name, TEXT("`; there are sku, quantity and currency"));
        }
    }
    if (place < PRODUCTS) {
        return wrong(refusal, TEXT("quantity: none is given for "), price_list[place].sku, TEXT(""));
    }
    return !empty || wrong(refusal, TEXT("sku: expected at least one, such as sku=tea&quantity=2"), TEXT(""), TEXT(""));
}

static void put_line(buffer *to, const product *product, uint32_t quantity, uint64_t amount) {
    put(to, TEXT("{\"sku\":\""));
    put_escaped(to, product->sku);
    put(to, TEXT("\",\"quantity\":"));
    put_number(to, quantity);
    put(to, TEXT(",\"discount\":"));
    put_number(to, discount(quantity));
    put(to, TEXT(",\"amount\":"));
    put_number(to, amount);
    put(to, TEXT("}"));
}

static void quote(const question *of, reply *to) {
    uint64_t total = 0;
    text before = TEXT("");
    to->status = 200;
    to->kind = TEXT("application/json");
    put(&to->body, TEXT("{\"currency\":\""));
    put_escaped(&to->body, of->currency->code);
    put(&to->body, TEXT("\",\"decimals\":"));
    put_number(&to->body, of->currency->decimals);
    put(&to->body, TEXT(",\"lines\":["));
    for (size_t place = 0; place < PRODUCTS; place++) {
        uint32_t quantity = of->cart.quantity[place];
        if (quantity == 0) {
            continue;
        }
        put(&to->body, before);
        before = TEXT(",");
        uint64_t cost = amount(&price_list[place], quantity, of->currency);
        put_line(&to->body, &price_list[place], quantity, cost);
        total += cost;
    }
    put(&to->body, TEXT("],\"total\":"));
    put_number(&to->body, total);
    put(&to->body, TEXT("}"));
}

void answer(method method, text target, reply *to) {
    *to = (reply){0};
    text query = target;
    text path = text_cut(&query, '?');
    if (!text_equals(path, TEXT(QUOTE))) {
        problem(to, 404, TEXT("there is nothing at "), path, TEXT("; try " QUOTE "?sku=tea&quantity=12"));
    } else if (method != METHOD_GET) {
        problem(to, 405, TEXT("this path answers to GET, HEAD"), TEXT(""), TEXT(""));
        to->allow = TEXT("GET, HEAD");
    } else {
        question question = {.currency = currency_find(TEXT("EUR"))};
        if (parse(query, &question, to)) {
            quote(&question, to);
        }
    }
    if (to->body.full) {
        *to = (reply){0};
        problem(to, 500, TEXT("the reply has no room"), TEXT(""), TEXT(""));
    }
}
