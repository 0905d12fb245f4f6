/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of bytes. Every byte belongs to one of a few kinds, and a kind says where it may stand.
 */
#include "protocol/http/http_characters_internal.h"

#include <string.h>

/* clang-format off */
enum kind {
    NO = 0,                                /* controls, DEL */
    VAL = HTTP_CHARACTER_VALUE,            /* HTAB SP obs-text */
    SEP = VAL | HTTP_CHARACTER_QUERY,      /* / ? and the backslash */
    PER = SEP | HTTP_CHARACTER_TOKEN,      /* % */
    FRA = VAL | HTTP_CHARACTER_TOKEN,      /* # */
    QUO = VAL | HTTP_CHARACTER_PATH_RAW,   /* " < > */
    BRA = SEP | HTTP_CHARACTER_PATH_RAW,   /* [ ] { } */
    CAR = PER | HTTP_CHARACTER_PATH_RAW,   /* ^ ` | */
    PCH = SEP | HTTP_CHARACTER_PATH,       /* ( ) , ; = : @ */
    SUB = PCH | HTTP_CHARACTER_TOKEN,      /* ! $ & ' * + */
    UNR = SUB | HTTP_CHARACTER_UNRESERVED, /* . _ ~ */
    ALN = UNR | HTTP_CHARACTER_PLAIN_NAME, /* - 0-9 A-Z */
    LOW = ALN | HTTP_CHARACTER_LOWER       /* a-z */
};

const uint8_t http_characters[256] = {
     NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO, VAL,  NO,  NO,  NO,  NO,  NO,  NO, /* 00 */
     NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO, /* 10 */
    VAL, SUB, QUO, FRA, SUB, PER, SUB, SUB, PCH, PCH, SUB, SUB, PCH, ALN, UNR, SEP, /* 20 */
    ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, PCH, PCH, QUO, PCH, QUO, SEP, /* 30 */
    PCH, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, /* 40 */
    ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, ALN, BRA, SEP, BRA, CAR, UNR, /* 50 */
    CAR, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, /* 60 */
    LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, LOW, BRA, CAR, BRA, UNR,  NO, /* 70 */
    VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, /* 80 */
    VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, /* 90 */
    VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, /* A0 */
    VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, /* B0 */
    VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, /* C0 */
    VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, /* D0 */
    VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, /* E0 */
    VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, VAL, /* F0 */
};
/* clang-format on */

/* Of eight bytes at once: is one below 0x20, or above 0x7E? Where one is below, the subtraction
 * borrows into its top bit; where one is above, adding 1 sets it, or it is set. */
static bool has_unusual(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101U;

    return (((word - ones * 0x20) | (word + ones) | word) & (ones << 7)) != 0;
}

bool http_characters_are_value(struct slice text)
{
    size_t i = 0;
    uint64_t word = 0;

    for (; text.size - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, text.data + i, sizeof(word));
        /* HTAB and obs-text may stand there, and are rare. */
        if (has_unusual(word) &&
            !http_characters_are(slice_from(text.data + i, sizeof(word)), HTTP_CHARACTER_VALUE))
            return false;
    }
    return http_characters_are(slice_after(text, i), HTTP_CHARACTER_VALUE);
}
