// The API, called without a component around it: what it answers, and that no input makes it stumble. Built with the
// checks of the compiler for undefined behaviour, which end the program where it begins.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../src/api.h"
#include "../src/price.h"
#include "guarded.h"

static int failures;

static void fail(const char *what, text input, const reply *got) {
    failures++;
    printf("FAILED %s: %.*s\n    got %d %.*s\n", what, (int)input.length, input.bytes ? input.bytes : "", got->status,
           (int)got->body.length, got->body.bytes);
}

static reply ask(method method, text target) {
    reply got;
    answer(method, (text){guarded_copy(target.bytes, target.length), target.length}, &got);
    return got;
}

static bool contains(const buffer *body, const char *part) {
    size_t length = strlen(part);
    for (size_t at = 0; at + length <= body->length; at++) {
        if (memcmp(body->bytes + at, part, length) == 0) {
            return true;
        }
    }
    return false;
}

#define LONG "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void test_quotes(void) {
    static const struct {
        text query, body;
    } cases[] = {
        {TEXT("sku=tea&quantity=2"),
         TEXT("{\"currency\":\"EUR\",\"decimals\":2,\"lines\":[{\"sku\":\"tea\",\"quantity\":2,\"discount\":0,"
              "\"amount\":998}],\"total\":998}")},
        // 12 * 4.99 * 0.95 * 0.935 = 53.1884 francs
        {TEXT("currency=CHF&sku=tea&quantity=12"),
         TEXT("{\"currency\":\"CHF\",\"decimals\":2,\"lines\":[{\"sku\":\"tea\",\"quantity\":12,\"discount\":5,"
              "\"amount\":5320}],\"total\":5320}")},
        // 8.50 * 1.6213 = 1378.105 yen, and 3 * 4.99 * 162.13 = 2427.0861 yen
        {TEXT("sku=tea&quantity=3&&sku=%6dug&quantity=1&currency=JPY"),
         TEXT("{\"currency\":\"JPY\",\"decimals\":0,\"lines\":[{\"sku\":\"mug\",\"quantity\":1,\"discount\":0,"
              "\"amount\":1378},{\"sku\":\"tea\",\"quantity\":3,\"discount\":0,\"amount\":2427}],\"total\":3805}")},
        // Pieces of the same product count together.
        {TEXT("sku=tea&quantity=4&sku=tea&quantity=6"),
         TEXT("{\"currency\":\"EUR\",\"decimals\":2,\"lines\":[{\"sku\":\"tea\",\"quantity\":10,\"discount\":5,"
              "\"amount\":4741}],\"total\":4741}")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer target = {0};
        put(&target, TEXT("/api/pricing/quote?"));
        put(&target, cases[i].query);
        reply got = ask(METHOD_GET, (text){target.bytes, target.length});
        if (got.status != 200 || !text_equals((text){got.body.bytes, got.body.length}, cases[i].body) ||
            !text_equals(got.kind, TEXT("application/json"))) {
            fail("quote", cases[i].query, &got);
        }
    }
}

static void test_refusals(void) {
    static const struct {
        text target;
        method method;
        uint16_t status;
        const char *mention;
    } cases[] = {
        {TEXT(""), METHOD_GET, 404, "quote"},
        {TEXT("/"), METHOD_GET, 404, "nothing at /;"},
        {TEXT("/api/pricing/quotes"), METHOD_GET, 404, "/api/pricing/quotes"},
        {TEXT("/\"\\\n\xff"), METHOD_GET, 404, "/\\\"\\\\??;"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=1"), METHOD_OTHER, 405, "GET"},
        {TEXT("/api/pricing/quote"), METHOD_GET, 400, "at least one"},
        {TEXT("/api/pricing/quote?"), METHOD_GET, 400, "at least one"},
        {TEXT("/api/pricing/quote?currency=EUR"), METHOD_GET, 400, "at least one"},
        {TEXT("/api/pricing/quote?sku=tea"), METHOD_GET, 400, "none is given for tea"},
        {TEXT("/api/pricing/quote?sku=tea&sku=mug&quantity=1"), METHOD_GET, 400, "none is given for tea"},
        {TEXT("/api/pricing/quote?quantity=1&sku=tea"), METHOD_GET, 400, "comes before"},
        {TEXT("/api/pricing/quote?sku=gold&quantity=1"), METHOD_GET, 400, "`gold`"},
        {TEXT("/api/pricing/quote?sku&quantity=1"), METHOD_GET, 400, "``"},
        {TEXT("/api/pricing/quote?sku=" LONG "&quantity=1"), METHOD_GET, 400, "sku: the value"},
        {TEXT("/api/pricing/quote?sku=tea%2&quantity=1"), METHOD_GET, 400, "malformed"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=%"), METHOD_GET, 400, "malformed"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=%zz"), METHOD_GET, 400, "malformed"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=0"), METHOD_GET, 400, "quantity: expected"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=-1"), METHOD_GET, 400, "quantity: expected"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=01"), METHOD_GET, 400, "quantity: expected"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=1.5"), METHOD_GET, 400, "quantity: expected"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=10001"), METHOD_GET, 400, "10000 of tea"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=18446744073709551617"), METHOD_GET, 400, "10000 of tea"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=9999&sku=tea&quantity=2"), METHOD_GET, 400, "10000 of tea"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=1&currency=XXX"), METHOD_GET, 400, "CHF, EUR, JPY, USD"},
        {TEXT("/api/pricing/quote?sku=tea&quantity=1&colour=red"), METHOD_GET, 400, "`colour`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reply got = ask(cases[i].method, cases[i].target);
        if (got.status != cases[i].status || !contains(&got.body, cases[i].mention) ||
            !text_equals(got.kind, TEXT("application/problem+json"))) {
            fail("refusal", cases[i].target, &got);
        }
    }
}

static void test_amounts(void) {
    // The dearest line there can be, against the same sum by hand.
    product dearest = {TEXT("gold"), CENTS_MOST};
    currency finest = {TEXT("XXX"), RATE_MOST, 1, 0};
    uint64_t expected = (uint64_t)CENTS_MOST * 85 * (RATE_MOST / 100);
    uint64_t got = amount(&dearest, QUANTITY_MOST, &finest);
    if (got != expected) {
        failures++;
        printf("FAILED the dearest line: got %" PRIu64 ", not %" PRIu64 "\n", got, expected);
    }
    for (size_t place = 0; place < PRODUCTS; place++) {
        if (price_list[place].cents == 0 || price_list[place].cents > CENTS_MOST) {
            failures++;
            printf("FAILED the price of %.*s\n", (int)price_list[place].sku.length, price_list[place].sku.bytes);
        }
    }
    text names = currency_names();
    while (names.length > 0) {
        text name = text_cut(&names, ',');
        text_cut(&names, ' ');
        const currency *found = currency_find(name);
        if (found == NULL || found->rate > RATE_MOST || found->step == 0 || !text_equals(found->code, name)) {
            failures++;
            printf("FAILED the currency %.*s\n", (int)name.length, name.bytes);
        }
    }
}

static void test_decoding(void) {
    static const struct {
        text query, decoded; // into four bytes; without `decoded`, it must fail
    } cases[] = {
        {TEXT(""), TEXT("")},       {TEXT("tea"), TEXT("tea")}, {TEXT("%74%65%61+"), TEXT("tea ")},
        {TEXT("%fF"), TEXT("\xff")}, {TEXT("kettle"), {0}},      {TEXT("mugs+"), {0}},
        {TEXT("%"), {0}},           {TEXT("%7"), {0}},          {TEXT("%7g"), {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char into[4];
        text query = {guarded_copy(cases[i].query.bytes, cases[i].query.length), cases[i].query.length};
        text decoded = {0};
        bool done = text_decode(query, into, sizeof into, &decoded);
        if (done != (cases[i].decoded.bytes != NULL) || !text_equals(decoded, cases[i].decoded)) {
            failures++;
            printf("FAILED decoding of %.*s\n", (int)cases[i].query.length, cases[i].query.bytes);
        }
    }
}

// The same numbers in every run (xorshift64).
static uint32_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

// Anything at all: pieces of valid targets in any order, with bytes changed, and cut anywhere.
static void test_anything(void) {
    static const text pieces[] = {
        TEXT("/api/pricing/quote?"), TEXT("sku="), TEXT("tea"),   TEXT("mug"), TEXT("&"),   TEXT("quantity="),
        TEXT("12"),                  TEXT("9999"), TEXT("%74ea"), TEXT("%"),   TEXT("="),   TEXT("currency="),
        TEXT("JPY"),                 TEXT("+"),    TEXT("%0"),    TEXT("?"),   TEXT(LONG),  TEXT("\0"),
    };
    uint64_t state = 88172645463325252;
    for (int round = 0; round < 200000; round++) {
        buffer target = {.length = 0};
        if (next(&state) % 8 > 0) {
            put(&target, pieces[0]);
        }
        for (uint32_t more = next(&state) % 12; more > 0; more--) {
            put(&target, pieces[next(&state) % (sizeof pieces / sizeof *pieces)]);
        }
        for (uint32_t more = target.length > 0 ? next(&state) % 3 : 0; more > 0; more--) {
            target.bytes[next(&state) % target.length] = (char)(next(&state) & 0xff);
        }
        text input = {target.bytes, next(&state) % (target.length + 1)};
        reply got = ask(METHOD_GET, input);
        bool known = got.status == 200 || got.status == 400 || got.status == 404;
        bool whole = got.body.length > 2 && got.body.bytes[0] == '{' && got.body.bytes[got.body.length - 1] == '}';
        if (!known || !whole || got.body.full) {
            fail("anything", input, &got);
            return;
        }
    }
}

int main(void) {
    guarded_make();
    test_quotes();
    test_refusals();
    test_amounts();
    test_decoding();
    test_anything();
    printf(failures == 0 ? "pricing: all passed\n" : "pricing: %d failed\n", failures);
    return failures == 0 ? 0 : 1;
}
