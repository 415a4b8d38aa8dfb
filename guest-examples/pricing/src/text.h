// Text: a view of bytes that someone else owns, and a buffer of fixed size that text is written into.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes and their number. Not ended by a zero; `bytes` may be null if there are none.
typedef struct {
    const char *bytes;
    size_t length;
} text;

// A string literal as text.
#define TEXT(literal) ((text){"" literal "", sizeof(literal) - 1})

bool text_equals(text one, text other);

// Takes what lies before the first `mark` off the front of `rest`, and the mark with it. All of it if there is no mark.
text text_cut(text *rest, char mark);

// The first bytes of a text, `most` at the most.
text text_start(text whole, size_t most);

// Decodes `%74` and `+` of a query into `into`. False if it is malformed, or longer than `size` when decoded.
bool text_decode(text query, char *into, size_t size, text *decoded);

// Reads decimal digits as a number up to `most`. False for anything else: no sign, no space, no leading zero.
bool text_number(text digits, uint32_t most, uint32_t *number);

enum { BUFFER_SIZE = 8192 };

// What was written so far. What does not fit is left out, and `full` stays true.
typedef struct {
    char bytes[BUFFER_SIZE];
    size_t length;
    bool full;
} buffer;

void put(buffer *to, text from);
void put_number(buffer *to, uint64_t number);

// Writes what stands between the quotes of a JSON string. What is not printable ASCII becomes `?`: the text may come from
// a caller.
void put_escaped(buffer *to, text from);
