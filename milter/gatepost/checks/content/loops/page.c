/* HTML before its tree is built: what it is made of, and names that would let the tree grow (markup.py). */
#include "loops.h"

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter + 'a' - 'A') : letter;
}

int begins(const char *text, size_t size, const char *word)
{
    size_t at = 0;
    while (word[at] && at < size && lower(text[at]) == word[at])
        at++;
    return !word[at];
}

int is_blank(char letter)
{
    return letter == ' ' || letter == '\n' || letter == '\t' || letter == '\r' || letter == '\f';
}

/* WHATWG HTML 13.2.5.32, 13.2.5.39 and 13.2.5.40. */
int may_begin_name(char letter)
{
    return is_blank(letter) || letter == '/' || letter == '"' || letter == '\'';
}

/* ------------------------------------------------------------------------------------------------------------- survey */

enum { TAGS, SLASHES, DOUBLES, SINGLES, BLANKS, IMAGES, FORMS, CELLS, FONTS, BREAKS, STYLES, HIDERS, LINKS, SCRIPTLESS, CONCEALED, COUNTS };

/* What is counted where it begins, in lower case. */
static const struct {
    const char *word;
    int count;
} counted[] = {
    {"<img", IMAGES}, {"<form", FORMS},          {"<td", CELLS},      {"<font", FONTS},  {"<br", BREAKS},  {"<noscript", SCRIPTLESS},
    {"style", HIDERS}, {"style=", STYLES}, {"hidden", HIDERS}, {"color", HIDERS}, {"href", LINKS},
};

/* The first letters of what is counted, a bit for each; and the second letters, with the bits of those that they follow. */
static const uint8_t counts_from[256] = {['<'] = 1, ['s'] = 2, ['S'] = 2, ['h'] = 4, ['H'] = 4, ['c'] = 8, ['C'] = 8};
static const uint8_t counts_on[256] = {['i'] = 5, ['I'] = 5, ['f'] = 1, ['F'] = 1, ['t'] = 3, ['T'] = 3, ['b'] = 1,
                                       ['B'] = 1, ['n'] = 1, ['N'] = 1, ['r'] = 4, ['R'] = 4, ['o'] = 8, ['O'] = 8};

static void count_at(const char *text, size_t size, long *counts)
{
    char first = lower(text[0]), second = lower(text[1]);
    for (size_t each = 0; each < sizeof counted / sizeof *counted; each++)
        if (counted[each].word[1] == second && counted[each].word[0] == first)
            counts[counted[each].count] += begins(text, size, counted[each].word);
}

/* Say whether the attribute `hidden` may be named here. */
static int names_hidden(const char *text, size_t size, size_t at)
{
    static const char word[] = "hidden";
    size_t end = at + sizeof word - 1;
    return at && end < size && may_begin_name(text[at - 1]) && begins(text + at, size - at, word) &&
           (is_blank(text[end]) || text[end] == '=' || text[end] == '>' || text[end] == '/');
}

PyObject *survey_page(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text;
    Py_ssize_t given_size;
    long counts[COUNTS] = {0};
    if (!PyArg_ParseTuple(args, "y#:survey_page", &text, &given_size))
        return NULL;
    long of[256] = {0};
    size_t size = (size_t)given_size;
    for (size_t at = 0; at < size; at++) {
        uint8_t letter = (uint8_t)text[at];
        of[letter]++;
        if (counts_from[letter] && at + 1 < size && counts_from[letter] & counts_on[(uint8_t)text[at + 1]]) {
            count_at(text + at, size - at, counts);
            counts[CONCEALED] += (letter == 'h' || letter == 'H') && names_hidden(text, size, at);
        }
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

/* Elements as the tree gets them. BLOCK begins a new line or cell: its neighbours are not one word. Inline elements are left alone,
 * because readers see `Via<b></b>gra` as one word. FORMATTING are those of WHATWG HTML 13.2.4.3, LINK is `a`, one of them. UNSEEN
 * shows nothing of what is in it. `title` is both. */
enum { OTHER = 0, FORMATTING = 1, LINK = 2, BLOCK = 4, UNSEEN = 8 };

/* Sorted by their first letter. */
static const struct {
    const char *name;
    int kind;
} elements[] = {
    {"a", LINK},
    {"address", BLOCK}, {"article", BLOCK}, {"audio", UNSEEN},
    {"b", FORMATTING}, {"big", FORMATTING}, {"blockquote", BLOCK}, {"br", BLOCK}, {"button", BLOCK},
    {"caption", BLOCK}, {"center", BLOCK}, {"code", FORMATTING},
    {"datalist", UNSEEN}, {"dd", BLOCK}, {"dialog", UNSEEN}, {"div", BLOCK}, {"dl", BLOCK}, {"dt", BLOCK},
    {"em", FORMATTING},
    {"font", FORMATTING}, {"footer", BLOCK}, {"form", BLOCK},
    {"h1", BLOCK}, {"h2", BLOCK}, {"h3", BLOCK}, {"h4", BLOCK}, {"h5", BLOCK}, {"h6", BLOCK}, {"head", UNSEEN},
    {"header", BLOCK}, {"hr", BLOCK},
    {"i", FORMATTING}, {"iframe", UNSEEN}, {"img", BLOCK}, {"input", BLOCK},
    {"li", BLOCK},
    {"nobr", FORMATTING}, {"noembed", UNSEEN}, {"noframes", UNSEEN}, {"noscript", UNSEEN},
    {"object", UNSEEN}, {"ol", BLOCK}, {"option", BLOCK},
    {"p", BLOCK}, {"pre", BLOCK},
    {"s", FORMATTING}, {"script", UNSEEN}, {"section", BLOCK}, {"small", FORMATTING}, {"strike", FORMATTING},
    {"strong", FORMATTING}, {"style", UNSEEN},
    {"table", BLOCK}, {"td", BLOCK}, {"template", UNSEEN}, {"th", BLOCK}, {"title", BLOCK | UNSEEN}, {"tr", BLOCK}, {"tt", FORMATTING},
    {"u", FORMATTING}, {"ul", BLOCK},
    {"video", UNSEEN},
};
#define ELEMENTS (sizeof elements / sizeof *elements)
#define LONGEST_NAME 10

static uint8_t first_from[27]; /* where the elements of a letter begin */

void prepare_elements(void)
{
    for (size_t letter = 0, at = 0; letter < 27; letter++) {
        while (at < ELEMENTS && (size_t)(elements[at].name[0] - 'a') < letter)
            at++;
        first_from[letter] = (uint8_t)at;
    }
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
    return is_blank(letter) || letter == '>' || letter == '/';
}

/* Give which element a name is, ELEMENTS for another one, and its length. */
static size_t element_of(const char *text, size_t left, size_t *size)
{
    size_t length = 0, letter = left ? (size_t)(uint8_t)lower(*text) - 'a' : 26;
    while (length < left && length <= LONGEST_NAME && !ends_name(text[length]))
        length++;
    *size = length;
    if (!length || length > LONGEST_NAME || length == left || letter >= 26)
        return ELEMENTS;
    for (size_t each = first_from[letter]; each < first_from[letter + 1]; each++)
        if (strlen(elements[each].name) == length && begins(text, length, elements[each].name))
            return each;
    return ELEMENTS;
}

/* Give the names of the elements that were met and show nothing. */
static PyObject *list_unseen(const uint8_t *met)
{
    PyObject *names = PyList_New(0);
    for (size_t each = 0; names && each < ELEMENTS; each++) {
        if (!met[each] || !(elements[each].kind & UNSEEN))
            continue;
        PyObject *name = PyUnicode_FromString(elements[each].name);
        if (!name || PyList_Append(names, name))
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

/* Formatting elements are called `span` and links `anchor`, names that mean nothing to a tree builder. By so much a tag grows at
 * most: `<a` becomes `<anchor`. */
#define GROWTH 5

PyObject *prepare_page(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text;
    Py_ssize_t given;
    if (!PyArg_ParseTuple(args, "y#:prepare_page", &text, &given))
        return NULL;
    size_t size = (size_t)given, tags = 0, used = 0, copied = 0;
    uint8_t met[ELEMENTS + 1] = {0};
    for (size_t at = next_tag(text, size, 0); at < size; at = next_tag(text, size, at + 1))
        tags++;
    char *out = PyMem_Malloc(size + GROWTH * tags + 1);
    if (!out)
        return PyErr_NoMemory();
    for (size_t at = next_tag(text, size, 0); at < size; at = next_tag(text, size, at + 1)) {
        size_t name = at + 1 + (at + 1 < size && text[at + 1] == '/'), length = 0;
        size_t element = element_of(text + name, size - name, &length);
        int kind = element < ELEMENTS ? elements[element].kind : OTHER;
        met[element] = 1;
        if (!(kind & (FORMATTING | LINK | BLOCK)))
            continue;
        size_t before = (kind & BLOCK ? at : name) - copied;
        memcpy(out + used, text + copied, before);
        used += before;
        copied += before;
        if (kind & BLOCK) {
            out[used++] = ' ';
            continue;
        }
        const char *called = kind & LINK ? "anchor" : "span";
        memcpy(out + used, called, strlen(called));
        used += strlen(called);
        copied += length;
    }
    memcpy(out + used, text + copied, size - copied);
    used += size - copied;
    PyObject *unseen = list_unseen(met);
    PyObject *page = unseen ? Py_BuildValue("y#N", out, (Py_ssize_t)used, unseen) : NULL;
    PyMem_Free(out);
    return page;
}
