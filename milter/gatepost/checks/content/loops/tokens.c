/* From words to tokens: distinct words and pairs of neighbours, with a number each. */
#include "loops.h"

static uint64_t seed; /* odd and unknown outside: nobody can choose words that share a slot of the table of tokens */

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
    uint32_t at = (uint32_t)((token.crc * seed) >> self->shift);
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
        if (text[read[at].begin] == '#' && text[next->begin] == '#') { /* dates and sums */
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
