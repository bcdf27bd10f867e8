/* From tokens to weights: what a model knows of them, which are strongest, and what they are in each stretch of a text. */
#include "loops.h"

enum { HEADS = 3, AHEAD = 8 };

/* An entry of a model: one line of the cache for all that is asked of a token (model.py, RECORD). */
typedef struct {
    uint8_t fingerprint, spare;
    int16_t weights[HEADS];
} Record;

#if defined(__GNUC__)
#define FETCH(place) __builtin_prefetch(place)
#else
#define FETCH(place) ((void)(place))
#endif

/* Write a row of 1 for each token that the model knows and 0 for others, then a row of weights for the first head. */
static void look_up_all(const uint32_t *hashes, size_t tokens, const Record *table, uint32_t mask, double *rows)
{
    for (size_t token = 0; token < tokens; token++) {
        if (token + AHEAD < tokens)
            FETCH(&table[hashes[token + AHEAD] & mask]);
        const Record *record = &table[hashes[token] & mask];
        int met = record->fingerprint == hashes[token] >> 24;
        rows[token] = met;
        rows[tokens + token] = met ? record->weights[0] : 0;
    }
}

/* Say whether a buffer is as long as the table of a model: a power of two of records. */
static int is_table(const Py_buffer *table)
{
    size_t size = (size_t)table->len / sizeof(Record);
    return size && size <= 1u << 24 && !(size & (size - 1)) && (size_t)table->len == size * sizeof(Record);
}

PyObject *look_up(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer hashes, table;
    if (!PyArg_ParseTuple(args, "y*y*:look_up", &hashes, &table))
        return NULL;
    size_t tokens = (size_t)hashes.len / sizeof(uint32_t), size = (size_t)table.len / sizeof(Record);
    int fits = is_table(&table) && tokens < INT32_MAX / 64;
    PyObject *rows = fits ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(2 * tokens * sizeof(double))) : NULL;
    if (rows)
        look_up_all(hashes.buf, tokens, table.buf, (uint32_t)(size - 1), (double *)PyBytes_AsString(rows));
    else if (!fits)
        PyErr_SetString(PyExc_ValueError, "a table that is not that of a model");
    PyBuffer_Release(&hashes);
    PyBuffer_Release(&table);
    return rows;
}

static double size_of(double weight)
{
    return weight < 0 ? -weight : weight;
}

/* Put a token among the strongest, which are sorted; gives how many there are then. */
static size_t put(int32_t *best, size_t used, size_t most, const double *weights, int32_t token)
{
    size_t at = used < most ? used : most - 1;
    for (; at && size_of(weights[best[at - 1]]) < size_of(weights[token]); at--)
        best[at] = best[at - 1];
    best[at] = token;
    return used < most ? used + 1 : used;
}

/* Give which weights are furthest from 0, strongest first, as a list; none that is 0. */
static PyObject *strongest_of(const double *weights, Py_ssize_t tokens, Py_ssize_t most)
{
    size_t room = (size_t)(most < 0 ? 0 : most < tokens ? most : tokens), used = 0;
    int32_t *best = PyMem_Malloc((room + 1) * sizeof(int32_t));
    for (Py_ssize_t token = 0; best && room && token < tokens; token++)
        if (weights[token] != 0 && (used < room || size_of(weights[token]) > size_of(weights[best[used - 1]])))
            used = put(best, used, room, weights, (int32_t)token);
    PyObject *given = best ? PyList_New((Py_ssize_t)used) : PyErr_NoMemory();
    for (size_t at = 0; given && at < used; at++) {
        PyObject *number = PyLong_FromLong(best[at]);
        if (!number || PyList_SetItem(given, (Py_ssize_t)at, number))
            Py_CLEAR(given);
    }
    PyMem_Free(best);
    return given;
}

PyObject *strongest(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer weights;
    Py_ssize_t most;
    if (!PyArg_ParseTuple(args, "y*n:strongest", &weights, &most))
        return NULL;
    PyObject *given = strongest_of(weights.buf, weights.len / (Py_ssize_t)sizeof(double), most);
    PyBuffer_Release(&weights);
    return given;
}

/* Count the tokens that a model knows and sum their weights by each head; `first` gets the weight of each by the first head. */
static void sum_all(const uint32_t *hashes, size_t tokens, const char *inside, const Record *table, uint32_t mask,
                    int64_t *known, int64_t *sums, double *first)
{
    for (size_t token = 0; token < tokens; token++) {
        if (token + AHEAD < tokens)
            FETCH(&table[hashes[token + AHEAD] & mask]);
        const Record *record = &table[hashes[token] & mask];
        int met = record->fingerprint == hashes[token] >> 24 && (!inside || inside[token]);
        *known += met;
        for (int head = 0; head < HEADS; head++)
            sums[head] += met ? record->weights[head] : 0;
        first[token] = met ? record->weights[0] : 0;
    }
}

static PyObject *weighed(const uint32_t *hashes, size_t tokens, const char *inside, const Record *table, size_t size,
                         Py_ssize_t most)
{
    int64_t known = 0, sums[HEADS] = {0};
    double *first = PyMem_Malloc((tokens + 1) * sizeof(double));
    if (!first)
        return PyErr_NoMemory();
    sum_all(hashes, tokens, inside, table, (uint32_t)(size - 1), &known, sums, first);
    PyObject *strong = strongest_of(first, (Py_ssize_t)tokens, most), *weights = NULL;
    Py_ssize_t named = strong ? PyList_Size(strong) : 0;
    if (strong)
        weights = PyList_New(named);
    for (Py_ssize_t at = 0; weights && at < named; at++) {
        PyObject *weight = PyFloat_FromDouble(first[PyLong_AsSsize_t(PyList_GetItem(strong, at))]);
        if (!weight || PyList_SetItem(weights, at, weight))
            Py_CLEAR(weights);
    }
    PyMem_Free(first);
    if (!weights) {
        Py_XDECREF(strong);
        return NULL;
    }
    return Py_BuildValue("LLLLNN", (long long)known, (long long)sums[0], (long long)sums[1], (long long)sums[2], strong, weights);
}

PyObject *weigh(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer hashes, table, inside = {0};
    Py_ssize_t most;
    if (!PyArg_ParseTuple(args, "y*y*n|y*:weigh", &hashes, &table, &most, &inside))
        return NULL;
    size_t tokens = (size_t)hashes.len / sizeof(uint32_t), size = (size_t)table.len / sizeof(Record);
    PyObject *given = NULL;
    if (!is_table(&table) || tokens >= INT32_MAX / 64)
        PyErr_SetString(PyExc_ValueError, "a table that is not that of a model");
    else if (inside.obj && (size_t)inside.len != tokens)
        PyErr_SetString(PyExc_ValueError, "not so many tokens");
    else
        given = weighed(hashes.buf, tokens, inside.buf, table.buf, size, most);
    PyBuffer_Release(&hashes);
    PyBuffer_Release(&table);
    if (inside.obj)
        PyBuffer_Release(&inside);
    return given;
}

/* Sum one row of weights over each stretch of two steps. `last` has room for the step that each token was last seen in, `sums`
 * for one number a step more than there are stretches. */
static void sum_row(const int32_t *places, Py_ssize_t words, const double *weights, Py_ssize_t tokens, Py_ssize_t step,
                    int32_t *last, double *sums, double *both)
{
    Py_ssize_t steps = 1 + (words - 1) / step;
    double everywhere = 0;
    memset(last, -1, (size_t)tokens * sizeof(int32_t));
    memset(sums, 0, (size_t)steps * sizeof(double));
    memset(both, 0, (size_t)steps * sizeof(double));
    for (Py_ssize_t word = 0; word < words; word++)
        for (int row = 0; row < 2; row++) {
            int32_t token = places[row * words + word], here = (int32_t)(word / step);
            if (token < 0 || last[token] == here)
                continue;
            sums[here] += weights[token];
            if (last[token] >= 0 && last[token] == here - 1)
                both[here] += weights[token];
            last[token] = here;
        }
    for (Py_ssize_t token = 0; token < tokens; token++)
        if (last[token] < 0)
            everywhere += weights[token];
    for (Py_ssize_t stretch = 0; stretch + 1 < steps; stretch++)
        sums[stretch] = everywhere + sums[stretch] + sums[stretch + 1] - both[stretch + 1];
}

PyObject *sum_stretches(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer places, weights;
    Py_ssize_t rows, step;
    if (!PyArg_ParseTuple(args, "y*y*nn:sum_stretches", &places, &weights, &rows, &step))
        return NULL;
    Py_ssize_t words = places.len / (Py_ssize_t)(2 * sizeof(int32_t));
    Py_ssize_t tokens = rows > 0 ? weights.len / (Py_ssize_t)sizeof(double) / rows : -1;
    const int32_t *place = places.buf;
    int fits = rows > 0 && step > 0 && words > step && tokens < INT32_MAX && words < INT32_MAX / 4;
    for (Py_ssize_t at = 0; fits && at < 2 * words; at++)
        fits = place[at] < tokens;
    PyObject *given = NULL;
    if (fits) {
        Py_ssize_t steps = 1 + (words - 1) / step, stretches = steps - 1;
        int32_t *last = PyMem_Malloc((size_t)(tokens + 1) * sizeof(int32_t));
        double *sums = PyMem_Malloc((size_t)(2 * steps) * sizeof(double));
        given = PyBytes_FromStringAndSize(NULL, rows * stretches * (Py_ssize_t)sizeof(double));
        if (last && sums && given)
            for (Py_ssize_t row = 0; row < rows; row++) {
                sum_row(place, words, (const double *)weights.buf + row * tokens, tokens, step, last, sums, sums + steps);
                memcpy(PyBytes_AsString(given) + (size_t)(row * stretches) * sizeof(double), sums,
                       (size_t)stretches * sizeof(double));
            }
        else {
            Py_CLEAR(given);
            PyErr_NoMemory();
        }
        PyMem_Free(last);
        PyMem_Free(sums);
    } else
        PyErr_SetString(PyExc_ValueError, "places that are not those of these weights");
    PyBuffer_Release(&places);
    PyBuffer_Release(&weights);
    return given;
}

PyObject *members_of(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer places;
    Py_ssize_t tokens, first, last;
    if (!PyArg_ParseTuple(args, "y*nnn:members_of", &places, &tokens, &first, &last))
        return NULL;
    Py_ssize_t words = places.len / (Py_ssize_t)(2 * sizeof(int32_t));
    const int32_t *place = places.buf;
    int fits = tokens >= 0 && first >= 0 && first <= last && last <= words;
    for (Py_ssize_t at = 0; fits && at < 2 * words; at++)
        fits = place[at] < tokens;
    PyObject *given = fits ? PyBytes_FromStringAndSize(NULL, tokens) : NULL;
    if (given) {
        char *inside = PyBytes_AsString(given);
        memset(inside, 1, (size_t)tokens);
        for (Py_ssize_t at = 0; at < 2 * words; at++)
            if (place[at] >= 0)
                inside[place[at]] = 0;
        for (int row = 0; row < 2; row++)
            for (Py_ssize_t at = first; at < last; at++)
                if (place[row * words + at] >= 0)
                    inside[place[row * words + at]] = 1;
    } else if (!fits)
        PyErr_SetString(PyExc_ValueError, "places that are not those of so many tokens");
    PyBuffer_Release(&places);
    return given;
}
