/* From words to tokens: distinct words and pairs of neighbours, with a number each. */
#include "loops.h"

static uint64_t seed; /* odd and unknown outside */

uint32_t slot_from(uint32_t crc, uint32_t shift)
{
    return (uint32_t)((crc * seed) >> shift);
}

typedef struct {
    uint32_t crc, begin, end;
} Token;

typedef struct {
    Token *tokens;
    uint32_t *slots;
    uint32_t used, shift;
} Distinct;

/* Give the number of a token, made where it is new; the caller keeps a slot free. */
static uint32_t number_of(Distinct *self, Token token)
{
    uint32_t mask = (uint32_t)((1ull << (64 - self->shift)) - 1);
    uint32_t at = slot_from(token.crc, self->shift);
    for (;; at = (at + 1) & mask) {
        uint32_t number = self->slots[at];
        if (!number) {
            self->tokens[self->used] = token;
            self->slots[at] = ++self->used;
            return self->used - 1;
        }
        if (self->tokens[number - 1].crc == token.crc)
            return number - 1;
    }
}

static int32_t placed(uint32_t number, uint32_t first, uint32_t room)
{
    return number < room ? (int32_t)(first + number) : -1;
}

/* Say whether two words are runs of one text, the second from a character later on: the pair says what they say. */
static int overlap(const char *text, const Token *one, const Token *two)
{
    uint32_t size = one->end - one->begin, first = 1;
    if ((uint8_t)text[one->begin] < 0xE0 || size != two->end - two->begin || size < 6)
        return 0;
    while (((uint8_t)text[one->begin + first] & 0xC0) == 0x80 && first < size)
        first++;
    return !memcmp(text + one->begin + first, text + two->begin, size - first);
}

/* Number words and pairs: `read` has the span of each word, `places` room for two rows of them. */
static void number_all(Distinct *all, const char *text, const Token *read, uint32_t words, uint32_t first, uint32_t room,
                       int32_t *places)
{
    for (uint32_t at = 0; at < words; at++)
        places[at] = text[read[at].begin] == '#'
                         ? -1
                         : placed(number_of(all, (Token){CRC_END(read[at].crc), read[at].begin, read[at].end}), first, room);
    for (uint32_t at = 0; at + 1 < words; at++) {
        const Token *next = &read[at + 1];
        if ((text[read[at].begin] == '#' && text[next->begin] == '#') || overlap(text, &read[at], next)) {
            places[words + at] = -1;
            continue;
        }
        uint32_t crc = crc_on(crc_on(read[at].crc, " ", 1), text + next->begin, next->end - next->begin);
        places[words + at] = placed(number_of(all, (Token){CRC_END(crc), read[at].begin, next->end}), first, room);
    }
    if (words)
        places[2 * words - 1] = -1;
}

static PyObject *tokens_given(const Distinct *all, uint32_t room, const int32_t *places, uint32_t words)
{
    uint32_t kept = all->used < room ? all->used : room;
    PyObject *hashes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(kept * sizeof(uint32_t)));
    PyObject *spans = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(2 * kept * sizeof(uint32_t)));
    PyObject *where = PyBytes_FromStringAndSize((const char *)places, (Py_ssize_t)(2 * words * sizeof(int32_t)));
    PyObject *given = NULL;
    if (hashes && spans && where) {
        uint32_t *hash = (uint32_t *)PyBytes_AsString(hashes), *span = (uint32_t *)PyBytes_AsString(spans);
        for (uint32_t at = 0; at < kept; at++) {
            hash[at] = all->tokens[at].crc;
            span[2 * at] = all->tokens[at].begin;
            span[2 * at + 1] = all->tokens[at].end;
        }
        given = PyTuple_Pack(3, hashes, spans, where);
    }
    Py_XDECREF(hashes);
    Py_XDECREF(spans);
    Py_XDECREF(where);
    return given;
}

PyObject *number_tokens(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text;
    Py_ssize_t length;
    unsigned int first, room;
    if (!PyArg_ParseTuple(args, "y#II:number", &text, &length, &first, &room))
        return NULL;
    if (length > INT32_MAX / 4 || first > INT32_MAX / 2 || room > INT32_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "too long to be numbered");
        return NULL;
    }
    uint32_t words = count_words(text, (size_t)length), bits = 4;
    while ((1ull << bits) < 4ull * words)
        bits++;
    Distinct all = {PyMem_Malloc((2 * words + 1) * sizeof(Token)), PyMem_Calloc(1ull << bits, sizeof(uint32_t)), 0, 64 - bits};
    Token *read = PyMem_Malloc((words + 1) * sizeof(Token));
    int32_t *places = PyMem_Malloc((2 * words + 1) * sizeof(int32_t));
    PyObject *given = NULL;
    if (all.tokens && all.slots && read && places) {
        size_t at = 0;
        for (uint32_t word = 0; word < words; word++) {
            size_t size = next_word(text, (size_t)length, &at);
            read[word] = (Token){crc_on(CRC_BEGIN, text + at - size, size), (uint32_t)(at - size), (uint32_t)at};
        }
        number_all(&all, text, read, words, first, room, places);
        given = tokens_given(&all, room, places, words);
    } else
        PyErr_NoMemory();
    PyMem_Free(all.tokens);
    PyMem_Free(all.slots);
    PyMem_Free(read);
    PyMem_Free(places);
    return given;
}

PyObject *hash_all(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *names;
    Py_buffer behind;
    if (!PyArg_ParseTuple(args, "O!y*:hash_all", &PyTuple_Type, &names, &behind))
        return NULL;
    Py_ssize_t count = PyTuple_Size(names), own = count * (Py_ssize_t)sizeof(uint32_t);
    PyObject *given = PyBytes_FromStringAndSize(NULL, own + behind.len);
    for (Py_ssize_t at = 0; given && at < count; at++) {
        char *name;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(names, at), &name, &size)) {
            Py_CLEAR(given);
            break;
        }
        uint32_t crc = CRC_END(crc_on(CRC_BEGIN, name, (size_t)size));
        memcpy(PyBytes_AsString(given) + at * (Py_ssize_t)sizeof crc, &crc, sizeof crc);
    }
    if (given && behind.len)
        memcpy(PyBytes_AsString(given) + own, behind.buf, (size_t)behind.len);
    PyBuffer_Release(&behind);
    return given;
}

int prepare_numbering(void)
{
    PyObject *os = PyImport_ImportModule("os");
    PyObject *random = os ? PyObject_CallMethod(os, "urandom", "n", (Py_ssize_t)sizeof seed) : NULL;
    if (random)
        memcpy(&seed, PyBytes_AsString(random), sizeof seed);
    seed |= 1;
    Py_XDECREF(os);
    Py_XDECREF(random);
    return random ? 0 : -1;
}

/* ---------------------------------------------------------------------------------------------- a text in a few numbers */

/* Give how many bytes the white space that begins here has, as Python knows it; 0 for none. */
static size_t space_at(const char *text, size_t left)
{
    const uint8_t *at = (const uint8_t *)text;
    if (*at < 128)
        return *at == ' ' || (*at >= 9 && *at <= 13) || (*at >= 28 && *at <= 31);
    if (*at == 0xC2)
        return left > 1 && (at[1] == 0x85 || at[1] == 0xA0) ? 2 : 0;
    if (left < 3 || *at < 0xE1 || *at > 0xE3)
        return 0;
    uint32_t letter = (uint32_t)(*at & 15) << 12 | (uint32_t)(at[1] & 63) << 6 | (at[2] & 63);
    int space = letter == 0x1680 || (letter >= 0x2000 && letter <= 0x200A) || letter == 0x2028 || letter == 0x2029 ||
                letter == 0x202F || letter == 0x205F || letter == 0x3000;
    return space ? 3 : 0;
}

enum {
    CHARACTERS, BEYOND_ASCII, CAPITALS, DIGITS, EXCLAIMS, ASKS, MONEY, EMOJI, LINES, SOLID, WORDS, DISTINCT,
    GREEK, CYRILLIC, HEBREW, ARABIC, INDIC, THAI, KANA, HAN, HANGUL, NUMBERS
};

/* The blocks of letters of each script that mail is written in beside the Latin one. */
static const struct {
    uint32_t first, last;
    int script;
} blocks[] = {
    {0x0370, 0x03FF, GREEK},  {0x0400, 0x052F, CYRILLIC}, {0x0590, 0x05FF, HEBREW}, {0x0600, 0x06FF, ARABIC},
    {0x0900, 0x0D7F, INDIC},  {0x0E00, 0x0E7F, THAI},     {0x3041, 0x30FF, KANA},   {0x3400, 0x4DBF, HAN},
    {0x4E00, 0x9FFF, HAN},    {0xAC00, 0xD7AF, HANGUL},
};

/* Count a character of two or three bytes to its script. */
static void count_script(uint32_t letter, uint32_t *counts)
{
    for (size_t each = 0; each < sizeof blocks / sizeof *blocks && letter >= blocks[each].first; each++)
        if (letter <= blocks[each].last)
            counts[blocks[each].script]++;
}

static uint32_t sum_of(const uint32_t *of, int first, int last)
{
    uint32_t sum = 0;
    for (int code = first; code <= last; code++)
        sum += of[code];
    return sum;
}

/* Count characters: how many there are of each byte says nearly all. */
static void count_letters(const char *text, size_t size, uint32_t *counts)
{
    uint32_t of[256] = {0};
    for (size_t at = 0; at < size; at++)
        of[(uint8_t)text[at]]++;
    counts[BEYOND_ASCII] = sum_of(of, 0xC0, 255); /* 0x80 to 0xBF is the inside of a character */
    counts[CHARACTERS] = sum_of(of, 0, 127) + counts[BEYOND_ASCII];
    counts[CAPITALS] = sum_of(of, 'A', 'Z');
    counts[DIGITS] = sum_of(of, '0', '9');
    counts[EXCLAIMS] = of['!'];
    counts[ASKS] = of['?'];
    counts[LINES] = of['\n'];
    counts[SOLID] = counts[CHARACTERS] - of[' '] - sum_of(of, 9, 13);
    counts[MONEY] = of['$'];
    for (size_t at = 0; counts[BEYOND_ASCII] && at + 1 < size; at++) {
        uint8_t first = (uint8_t)text[at], second = (uint8_t)text[at + 1];
        counts[EMOJI] += first == 0xF0 && second == 0x9F;  /* U+1F000 to U+1FFFF: pictographs, and nothing that text is written in */
        counts[MONEY] += first == 0xC2 && second == 0xA3; /* pound */
        counts[MONEY] += first == 0xE2 && second == 0x82 && at + 2 < size && (uint8_t)text[at + 2] == 0xAC; /* euro */
        if (first >= 0xC0 && first < 0xE0)
            count_script((uint32_t)(first & 31) << 6 | (second & 63), counts);
        else if (first >= 0xE0 && first < 0xF0 && at + 2 < size)
            count_script((uint32_t)(first & 15) << 12 | (uint32_t)(second & 63) << 6 | ((uint8_t)text[at + 2] & 63), counts);
    }
}

static void count_distinct(const char *text, size_t size, Distinct *words, uint32_t *counts)
{
    for (size_t at = 0; at < size;) {
        size_t begin = at, space = 0;
        while (at < size && !(space = space_at(text + at, size - at)))
            at++;
        if (at > begin) {
            counts[WORDS]++;
            number_of(words, (Token){.crc = crc_on(CRC_BEGIN, text + begin, at - begin)});
        }
        at += space;
    }
    counts[DISTINCT] = words->used;
}

PyObject *survey_text(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text;
    Py_ssize_t size;
    uint32_t counts[NUMBERS] = {0}, most = 1, bits = 4;
    if (!PyArg_ParseTuple(args, "y#:survey_text", &text, &size))
        return NULL;
    if (size > INT32_MAX / 4) {
        PyErr_SetString(PyExc_ValueError, "too long to be counted");
        return NULL;
    }
    for (Py_ssize_t at = 0; at < size; at++) /* what may be white space, by its first byte */
        most += (uint8_t)text[at] <= ' ' || (uint8_t)text[at] >= 0xC2;
    while ((1ull << bits) < 2ull * most)
        bits++;
    Distinct words = {PyMem_Malloc(most * sizeof(Token)), PyMem_Calloc(1ull << bits, sizeof(uint32_t)), 0, 64 - bits};
    PyObject *given = NULL;
    if (words.tokens && words.slots) {
        count_letters(text, (size_t)size, counts);
        count_distinct(text, (size_t)size, &words, counts);
        given = PyTuple_New(NUMBERS);
    } else
        PyErr_NoMemory();
    for (Py_ssize_t each = 0; given && each < NUMBERS; each++) {
        PyObject *number = PyLong_FromUnsignedLong(counts[each]);
        if (!number || PyTuple_SetItem(given, each, number))
            Py_CLEAR(given);
    }
    PyMem_Free(words.tokens);
    PyMem_Free(words.slots);
    return given;
}
