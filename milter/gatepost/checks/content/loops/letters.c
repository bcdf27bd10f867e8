/* Letters, hashes and words between spaces. */
#include "loops.h"

uint8_t kind_of[256];
char looks_like[256];
char leet[256];
static uint32_t crc_table[256];

/* What letter-by-letter writing is made of: letters and digits, what is beyond ASCII and may be one, and what may stand between
 * them. A character is told by its first byte. */
enum { ELSE, LETTERLIKE, FOREIGN, BETWEEN, INSIDE };
enum { SPELLED = 4 };
static uint8_t shape_of[256];

void prepare_letters(void)
{
    static const char signs[] = "@$!", between[] = " .*_-", look_from[] = "1l!0345$7@", look_to[] = "iiioeassta", leet_from[] = "013457@$!",
                      leet_to[] = "oieastasi";
    for (int code = 0; code < 256; code++) {
        kind_of[code] = code >= 'a' && code <= 'z' ? LETTER : code >= '0' && code <= '9' ? DIGIT : BREAK;
        shape_of[code] = code >= 0xC0 ? FOREIGN : code >= 0x80 ? INSIDE : kind_of[code] != BREAK ? LETTERLIKE : ELSE;
        looks_like[code] = leet[code] = (char)code;
        uint32_t crc = (uint32_t)code;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
        crc_table[code] = crc;
    }
    kind_of['\''] = APOSTROPHE;
    memset(&shape_of['A'], LETTERLIKE, 26);
    for (const char *sign = between; *sign; sign++)
        shape_of[(uint8_t)*sign] = BETWEEN;
    for (const char *sign = signs; *sign; sign++)
        kind_of[(uint8_t)*sign] = SIGN;
    for (size_t at = 0; look_from[at]; at++)
        looks_like[(uint8_t)look_from[at]] = look_to[at];
    for (size_t at = 0; leet_from[at]; at++)
        leet[(uint8_t)leet_from[at]] = leet_to[at];
}

uint32_t crc_on(uint32_t crc, const char *text, size_t size)
{
    for (size_t at = 0; at < size; at++)
        crc = crc_table[(crc ^ (uint8_t)text[at]) & 0xFF] ^ (crc >> 8);
    return crc;
}

PyObject *spells(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "y#:spells", &text, &size))
        return NULL;
    int run = 0; /* single characters up to here, with `between` after each but the last */
    char between = 0;
    uint8_t before = ELSE;
    for (Py_ssize_t at = 0; at < size; at++) {
        uint8_t shape = shape_of[(uint8_t)text[at]];
        if (shape == INSIDE)
            continue;
        if (run >= SPELLED && shape != LETTERLIKE && before != BETWEEN)
            break;
        if (shape == BETWEEN) {
            if (before == BETWEEN || before == ELSE)
                run = 0;
            else if (text[at] != between)
                run = run ? 1 : 0;
            between = text[at];
        } else if (shape == ELSE)
            run = 0;
        else if (before == BETWEEN)
            run++;
        else
            run = !(before == LETTERLIKE && shape == LETTERLIKE);
        before = shape;
    }
    return PyBool_FromLong(run >= SPELLED && before != BETWEEN);
}

size_t next_word(const char *text, size_t size, size_t *at)
{
    while (*at < size && text[*at] == ' ')
        ++*at;
    size_t begin = *at;
    while (*at < size && text[*at] != ' ')
        ++*at;
    return *at - begin;
}

uint32_t count_words(const char *text, size_t size)
{
    uint32_t words = 0;
    for (size_t at = 0; next_word(text, size, &at);)
        words++;
    return words;
}
