/* HTML before its tree is built: what it is made of, and names that would let the tree grow (markup.py). */
#include "loops.h"

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter + 'a' - 'A') : letter;
}

/* Say whether a word, in lower case, begins here. */
static int begins(const char *text, size_t size, const char *word)
{
    size_t at = 0;
    while (word[at] && at < size && lower(text[at]) == word[at])
        at++;
    return !word[at];
}

/* ------------------------------------------------------------------------------------------------------------- survey */

enum { TAGS, SLASHES, DOUBLES, SINGLES, BLANKS, IMAGES, FORMS, CELLS, FONTS, BREAKS, STYLES, HIDERS, LINKS, SCRIPTLESS, COUNTS };

/* What is counted where it begins, in lower case. */
static const struct {
    const char *word;
    int count;
} counted[] = {
    {"<img", IMAGES}, {"<form", FORMS},          {"<td", CELLS},      {"<font", FONTS},  {"<br", BREAKS},  {"<noscript", SCRIPTLESS},
    {"style", HIDERS}, {"style=", STYLES}, {"hidden", HIDERS}, {"color", HIDERS}, {"href", LINKS},
};

/* The first letters of what is counted. */
static const uint8_t counts_from[256] = {['<'] = 1, ['s'] = 1, ['S'] = 1, ['h'] = 1, ['H'] = 1, ['c'] = 1, ['C'] = 1};

static void count_at(const char *text, size_t size, long *counts)
{
    char second = lower(text[1]); /* tells nearly all of them apart */
    for (size_t each = 0; each < sizeof counted / sizeof *counted; each++)
        if (counted[each].word[1] == second)
            counts[counted[each].count] += begins(text, size, counted[each].word);
}

PyObject *survey_page(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text;
    Py_ssize_t size;
    long counts[COUNTS] = {0};
    if (!PyArg_ParseTuple(args, "y#:survey_page", &text, &size))
        return NULL;
    long of[256] = {0};
    for (Py_ssize_t at = 0; at < size; at++) {
        of[(uint8_t)text[at]]++;
        if (counts_from[(uint8_t)text[at]] && at + 1 < size)
            count_at(text + at, (size_t)(size - at), counts);
    }
    counts[TAGS] = of['<'];
    counts[SLASHES] = of['/'];
    counts[DOUBLES] = of['"'];
    counts[SINGLES] = of['\''];
    counts[BLANKS] = of[' '] + of['\n'] + of['\t'];
    PyObject *given = PyTuple_New(COUNTS);
    for (Py_ssize_t each = 0; given && each < COUNTS; each++) {
        PyObject *number = PyLong_FromLong(counts[each]);
        if (!number || PyTuple_SetItem(given, each, number))
            Py_CLEAR(given);
    }
    return given;
}

/* -------------------------------------------------------------------------------------------------------- preparation */

enum { OTHER, FORMATTING, BLOCK };

/* WHATWG HTML 13.2.4.3: the formatting elements, `a` among them. */
static const char *const formatting[] = {"a", "b",     "big",    "code",   "em", "font", "i", "nobr",
                                         "s", "small", "strike", "strong", "tt", "u"};
/* Elements that begin a new line or cell: their neighbours are not one word. Inline elements are left alone, because
 * readers see `Via<b></b>gra` as one word. */
static const char *const blocks[] = {"p",      "div",    "td",      "th",      "tr",      "br",         "li",    "ul",
                                     "ol",     "dl",     "dt",      "dd",      "hr",      "table",      "center", "pre",
                                     "img",    "option", "section", "article", "header",  "footer",     "title", "address",
                                     "caption", "form",  "input",   "button",  "blockquote", "h1",      "h2",    "h3",
                                     "h4",     "h5",     "h6"};
#define LONGEST_NAME 10

static int is_one_of(const char *name, size_t size, const char *const *names, size_t count)
{
    char first = lower(*name);
    for (size_t each = 0; each < count; each++)
        if (*names[each] == first && strlen(names[each]) == size && begins(name, size, names[each]))
            return 1;
    return 0;
}

/* Give where the next tag begins, the end of the text where there is none. */
static size_t next_tag(const char *text, size_t size, size_t at)
{
    const char *tag = at < size ? memchr(text + at, '<', size - at) : NULL;
    return tag ? (size_t)(tag - text) : size;
}

/* Say whether the name of a tag ends here (13.2.5.8). */
static int ends_name(char letter)
{
    return letter == ' ' || letter == '>' || letter == '/' || letter == '\t' || letter == '\n' || letter == '\f' || letter == '\r';
}

/* Say what kind of element a name is. */
static int kind_of_tag(const char *text, size_t left, size_t *size)
{
    size_t length = 0;
    while (length < left && length <= LONGEST_NAME && !ends_name(text[length]))
        length++;
    *size = length;
    if (!length || length > LONGEST_NAME || length == left)
        return OTHER;
    if (is_one_of(text, length, formatting, sizeof formatting / sizeof *formatting))
        return FORMATTING;
    return is_one_of(text, length, blocks, sizeof blocks / sizeof *blocks) ? BLOCK : OTHER;
}

/* By how much a tag grows at most: `<a` becomes `<span`, `<p` becomes ` <p`. */
#define GROWTH 4

PyObject *prepare_page(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text;
    Py_ssize_t given;
    if (!PyArg_ParseTuple(args, "y#:prepare_page", &text, &given))
        return NULL;
    size_t size = (size_t)given, tags = 0, used = 0, copied = 0;
    for (size_t at = next_tag(text, size, 0); at < size; at = next_tag(text, size, at + 1))
        tags++;
    char *out = PyMem_Malloc(size + GROWTH * tags + 1);
    if (!out)
        return PyErr_NoMemory();
    for (size_t at = next_tag(text, size, 0); at < size; at = next_tag(text, size, at + 1)) {
        size_t name = at + 1 + (at + 1 < size && text[at + 1] == '/'), length = 0;
        int kind = kind_of_tag(text + name, size - name, &length);
        if (kind == OTHER)
            continue;
        size_t before = (kind == BLOCK ? at : name) - copied;
        memcpy(out + used, text + copied, before);
        used += before;
        copied += before;
        if (kind == BLOCK)
            out[used++] = ' ';
        else {
            memcpy(out + used, "span", 4);
            used += 4;
            copied += length;
        }
    }
    memcpy(out + used, text + copied, size - copied);
    used += size - copied;
    PyObject *page = PyBytes_FromStringAndSize(out, (Py_ssize_t)used);
    PyMem_Free(out);
    return page;
}
