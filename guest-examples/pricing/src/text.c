#include "text.h"

#include <string.h>

bool text_equals(text one, text other) {
    return one.length == other.length && (one.length == 0 || memcmp(one.bytes, other.bytes, one.length) == 0);
}

text text_cut(text *rest, char mark) {
    size_t length = 0;
    while (length < rest->length && rest->bytes[length] != mark) {
        length++;
    }
    text front = {rest->bytes, length};
    size_t taken = length < rest->length ? length + 1 : length;
    if (taken > 0) {
        rest->bytes += taken;
        rest->length -= taken;
    }
    return front;
}

text text_start(text whole, size_t most) {
    return (text){whole.bytes, whole.length < most ? whole.length : most};
}

static int hex(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

bool text_decode(text query, char *into, size_t size, text *decoded) {
    size_t length = 0;
    for (size_t i = 0; i < query.length; i++) {
        char byte = query.bytes[i];
        if (byte == '%') {
            if (query.length - i < 3) {
                return false;
            }
            int high = hex(query.bytes[i + 1]);
            int low = hex(query.bytes[i + 2]);
            if (high < 0 || low < 0) {
                return false;
            }
            byte = (char)(unsigned char)(high * 16 + low);
            i += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        if (length == size) {
            return false;
        }
        into[length++] = byte;
    }
    *decoded = (text){into, length};
    return true;
}

bool text_number(text digits, uint32_t most, uint32_t *number) {
    uint64_t value = 0;
    if (digits.length == 0 || (digits.length > 1 && digits.bytes[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < digits.length; i++) {
        char digit = digits.bytes[i];
        if (digit < '0' || digit > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(digit - '0');
        if (value > most) {
            return false;
        }
    }
    *number = (uint32_t)value;
    return true;
}

void put(buffer *to, text from) {
    if (from.length > BUFFER_SIZE - to->length) {
        to->full = true;
        return;
    }
    if (from.length > 0) {
        memcpy(to->bytes + to->length, from.bytes, from.length);
        to->length += from.length;
    }
}

void put_number(buffer *to, uint64_t number) {
    char digits[20]; // 18446744073709551615
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(to, (text){digits + first, sizeof digits - first});
}

void put_escaped(buffer *to, text from) {
    for (size_t i = 0; i < from.length; i++) {
        char byte = from.bytes[i];
        if (byte == '"' || byte == '\\') {
            put(to, TEXT("\\"));
        }
        bool printable = byte >= ' ' && byte <= '~';
        put(to, printable ? (text){&byte, 1} : TEXT("?"));
    }
}
