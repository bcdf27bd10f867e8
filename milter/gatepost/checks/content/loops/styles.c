/* The styles that the source of a page gives its elements, whatever the tree makes of them (hiding.py). */
#include "loops.h"

enum { STYLE, COLOUR, BACKGROUND, NAMES };

static const struct {
    const char *name;
    size_t size;
} named[NAMES] = {{"style", 5}, {"color", 5}, {"bgcolor", 7}};

#define LONGEST_VALUE 2000
#define MOST_VALUES 5000

/* Give which of the names ends before `end` and begins where an attribute may (WHATWG HTML 13.2.5.32 and 13.2.5.39), NAMES for none. */
static int name_before(const char *text, size_t end)
{
    while (end && is_blank(text[end - 1]))
        end--;
    for (int each = 0; each < NAMES; each++) {
        size_t size = named[each].size;
        if (end > size && begins(text + end - size, size, named[each].name) && may_begin_name(text[end - size - 1]))
            return each;
    }
    return NAMES;
}

/* Find the value of an attribute whose sign of equality stands before `at`. Gives 0 where it is too long to be looked at. */
static int value_from(const char *text, size_t size, size_t at, const char **value, size_t *length)
{
    while (at < size && is_blank(text[at]))
        at++;
    size_t left = size - at < LONGEST_VALUE ? size - at : LONGEST_VALUE, used = 0;
    *value = text + at;
    *length = 0;
    if (at < size && (text[at] == '"' || text[at] == '\'')) {
        const char *end = memchr(text + at + 1, text[at], left - 1);
        if (!end)
            return 0;
        *value = text + at + 1;
        *length = (size_t)(end - *value);
        return 1;
    }
    while (used < left && text[at + used] != '>' && !is_blank(text[at + used]))
        used++;
    *length = used;
    return used < LONGEST_VALUE;
}

/* Say whether a value means what is written: there are no character references, and no line ends that the tree would change. */
static int is_plain(const char *value, size_t length)
{
    return !memchr(value, '&', length) && !memchr(value, '\r', length);
}

/* Fill the sets with the values of the attributes. Gives 1, 0 where the source alone does not tell them, -1 for an error. */
static int collect(const char *text, size_t size, PyObject *const *sets)
{
    struct {
        const char *value;
        size_t length;
    } last[NAMES] = {{NULL, 0}};
    size_t values = 0;
    const char *sign = size ? memchr(text, '=', size) : NULL;
    for (; sign; sign = memchr(sign + 1, '=', size - (size_t)(sign + 1 - text))) {
        size_t at = (size_t)(sign - text), length;
        const char *value;
        int name = name_before(text, at);
        if (name == NAMES)
            continue;
        if (++values > MOST_VALUES || !value_from(text, size, at + 1, &value, &length) || !is_plain(value, length))
            return 0;
        /* Templates repeat a style from one element to the next. */
        if (last[name].value && length == last[name].length && !memcmp(value, last[name].value, length))
            continue;
        last[name].value = value;
        last[name].length = length;
        PyObject *told = PyUnicode_DecodeUTF8(value, (Py_ssize_t)length, "replace");
        int failed = !told || PySet_Add(sets[name], told);
        Py_XDECREF(told);
        if (failed)
            return -1;
    }
    return 1;
}

PyObject *list_styles(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "y#:list_styles", &text, &size))
        return NULL;
    PyObject *sets[NAMES];
    for (int each = 0; each < NAMES; each++)
        sets[each] = PySet_New(NULL);
    int done = sets[STYLE] && sets[COLOUR] && sets[BACKGROUND] ? collect(text, (size_t)size, sets) : -1;
    PyObject *given = NULL;
    if (done > 0)
        given = PyTuple_Pack(NAMES, sets[STYLE], sets[COLOUR], sets[BACKGROUND]);
    else if (!done)
        given = Py_NewRef(Py_None);
    for (int each = 0; each < NAMES; each++)
        Py_XDECREF(sets[each]);
    return given;
}
