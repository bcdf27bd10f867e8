/* From text to words: what is a word, what is kept of it, which are disguised. */
#include "loops.h"

#define SHORT 6 /* Letters and digits mixed are kept up to here. */
#define KEY 32  /* Bytes of the longest entry of a lexicon. */

/* ------------------------------------------------------------------------------------------ growing output */

typedef struct {
    char *text;
    size_t size, room;
} Output;

/* Add a word, with a space before it where another stands. */
static int add_word(Output *out, const char *word, size_t size)
{
    if (out->size + size + 1 > out->room) {
        size_t room = 2 * out->room + size + 1;
        char *text = PyMem_Realloc(out->text, room);
        if (!text)
            return -1;
        out->text = text;
        out->room = room;
    }
    if (out->size)
        out->text[out->size++] = ' ';
    memcpy(out->text + out->size, word, size);
    out->size += size;
    return 0;
}

/* ------------------------------------------------------------------------------------------------- lexicon */

enum { STOP = 1, PLAIN = 2 };

typedef struct {
    uint32_t crc;
    uint32_t common, sold; /* 1 + the entry of the word that looks like this one; 0 for none */
    uint8_t size, kinds;
    char text[KEY];
} Entry;

typedef struct {
    PyObject_HEAD
    Entry *entries;
    uint32_t *slots; /* 1 + number of an entry, above it the high bits of its hash; 0 for a free slot */
    uint32_t used, mask;
} Lexicon;

#define NUMBER 0xFFFFu /* The part of a slot that is a number: so many entries at most. */

static uint32_t *slot_of(const Lexicon *self, uint32_t crc, const char *text, size_t size)
{
    for (uint32_t at = crc & self->mask;; at = (at + 1) & self->mask) {
        uint32_t slot = self->slots[at];
        if (!slot)
            return &self->slots[at];
        if ((slot ^ crc) & ~NUMBER) /* another word, told without a look at its entry */
            continue;
        const Entry *entry = &self->entries[(slot & NUMBER) - 1];
        if (entry->crc == crc && entry->size == size && !memcmp(entry->text, text, size))
            return &self->slots[at];
    }
}

static const Entry *find(const Lexicon *self, const char *text, size_t size)
{
    if (size > KEY)
        return NULL;
    uint32_t slot = *slot_of(self, CRC_END(crc_on(CRC_BEGIN, text, size)), text, size);
    return slot ? &self->entries[(slot & NUMBER) - 1] : NULL;
}

/* Give the number of an entry, made where there is none; the caller keeps a slot and an entry free. */
static uint32_t enter(Lexicon *self, const char *text, size_t size, uint8_t kinds)
{
    uint32_t crc = CRC_END(crc_on(CRC_BEGIN, text, size)), *slot = slot_of(self, crc, text, size);
    if (!*slot) {
        Entry *entry = &self->entries[self->used];
        *entry = (Entry){.crc = crc, .size = (uint8_t)size};
        memcpy(entry->text, text, size);
        *slot = ++self->used | (crc & ~NUMBER);
    }
    uint32_t number = *slot & NUMBER;
    self->entries[number - 1].kinds |= kinds;
    return number;
}

/* Write what a word looks like: signs and digits as letters, l as i. */
static void skeleton(const char *word, size_t size, char *look)
{
    for (size_t at = 0; at < size; at++)
        look[at] = looks_like[(uint8_t)word[at]];
}

PyObject *skeleton_of(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *word;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "s#:skeleton", &word, &size))
        return NULL;
    char *look = PyMem_Malloc((size_t)size + 1);
    if (!look)
        return PyErr_NoMemory();
    skeleton(word, (size_t)size, look);
    PyObject *given = PyUnicode_FromStringAndSize(look, size);
    PyMem_Free(look);
    return given;
}

/* Write what a word looks like with each run of one character as one; gives its length, more than KEY where it is longer. */
static size_t undoubled(const char *word, size_t size, char *look)
{
    size_t used = 0;
    for (size_t at = 0; at < size; at++) {
        char letter = looks_like[(uint8_t)word[at]];
        if (used && look[used - 1] == letter)
            continue;
        if (used == KEY)
            return KEY + 1;
        look[used++] = letter;
    }
    return used;
}

/* Give the word that a strange one is in disguise; NULL for none. A number behind a word is a number: `build5`. `known` is what
 * the lexicon has of the word itself. */
static const Entry *disguised(const Lexicon *self, const char *word, size_t size, const Entry *known)
{
    char look[KEY] = "";
    if (kind_of[(uint8_t)word[size - 1]] == DIGIT)
        return NULL;
    if (size <= KEY) {
        skeleton(word, size, look);
        const Entry *found = memcmp(look, word, size) ? find(self, look, size) : known;
        if (found && found->common)
            return &self->entries[found->common - 1];
    }
    size_t length = undoubled(word, size, look);
    const Entry *found = size <= KEY && length == size && !memcmp(look, word, size) ? known : find(self, look, length);
    return found && found->sold ? &self->entries[found->sold - 1] : NULL;
}

/* Enter each word of a list with its kinds; those that are `sold` or `common` also by what they look like. */
static int enter_all(Lexicon *self, const char *list, size_t size, uint8_t kinds, int common, int sold)
{
    char look[KEY];
    for (size_t at = 0, length; (length = next_word(list, size, &at));) {
        const char *word = list + at - length;
        if (length > KEY) {
            PyErr_SetString(PyExc_ValueError, "a word of a lexicon has at most 32 bytes");
            return -1;
        }
        uint32_t number = enter(self, word, length, kinds);
        if (common) {
            skeleton(word, length, look);
            self->entries[enter(self, look, length, 0) - 1].common = number;
        }
        if (sold) {
            size_t shorter = undoubled(word, length, look);
            self->entries[enter(self, look, shorter, 0) - 1].sold = number;
        }
    }
    return 0;
}

static PyObject *lexicon_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(keywords))
{
    const char *stop, *common, *sold;
    Py_ssize_t stops, commons, solds;
    if (!PyArg_ParseTuple(args, "s#s#s#:Lexicon", &stop, &stops, &common, &commons, &sold, &solds))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Lexicon *self = (Lexicon *)allocate(type, 0);
    if (!self)
        return NULL;
    uint32_t most = count_words(stop, (size_t)stops) + 2 * count_words(common, (size_t)commons) +
                    2 * count_words(sold, (size_t)solds) + 1;
    if (most > NUMBER) {
        Py_DECREF(self);
        PyErr_SetString(PyExc_ValueError, "too many words for a lexicon");
        return NULL;
    }
    uint32_t slots = 64;
    while (slots < 4 * most)
        slots *= 2;
    self->mask = slots - 1;
    self->entries = PyMem_Calloc(most, sizeof(Entry));
    self->slots = PyMem_Calloc(slots, sizeof(uint32_t));
    if (!self->entries || !self->slots) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    if (enter_all(self, stop, (size_t)stops, STOP, 0, 0) || enter_all(self, common, (size_t)commons, PLAIN, 1, 0) ||
        enter_all(self, sold, (size_t)solds, PLAIN, 0, 1)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void lexicon_free(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(((Lexicon *)object)->entries);
    PyMem_Free(((Lexicon *)object)->slots);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* -------------------------------------------------------------------------------------------------- cutting */

static int is_alphanumeric(char letter)
{
    uint8_t kind = kind_of[(uint8_t)letter];
    return kind == LETTER || kind == DIGIT;
}
/* Write what is kept of a word of letters, digits and signs, at most LONGEST of them; gives its length, 0 for nothing. */
static size_t shape(const char *word, size_t size, char *out)
{
    size_t front_letters = 0, letters = 0, digits = 0, apostrophes = 0, front_digits = 0, back_digits = 0, back_letters = 0;
    while (front_letters < size && kind_of[(uint8_t)word[front_letters]] == LETTER)
        front_letters++;
    if (front_letters == size) {
        memcpy(out, word, size);
        return size;
    }
    for (size_t at = 0; at < size; at++) {
        uint8_t kind = kind_of[(uint8_t)word[at]];
        letters += kind == LETTER;
        digits += kind == DIGIT;
        apostrophes += kind == APOSTROPHE;
        front_digits += kind == DIGIT && front_digits == at;
        back_letters = kind == LETTER ? back_letters + 1 : 0;
        back_digits = kind == DIGIT ? back_digits + 1 : 0;
    }
    if (digits == size) {
        size_t length = 0;
        out[length++] = '#';
        if (size >= 10)
            out[length++] = (char)('0' + size / 10);
        out[length++] = (char)('0' + size % 10);
        return length;
    }
    if (apostrophes) {
        size_t length = 0;
        for (size_t at = 0; at < size; at++)
            if (kind_of[(uint8_t)word[at]] != SIGN)
                out[length++] = word[at];
        return length;
    }
    size_t stem = size - back_digits, unit = size - front_digits;
    int stem_is_word = stem && front_letters >= stem, unit_is_word = unit && back_letters >= unit;
    if (!((unit <= 3 && unit_is_word) || (stem <= 3 && stem_is_word))) {
        if (back_digits > 1 && stem_is_word) {
            memcpy(out, word, stem);
            return stem;
        }
        if (2 * letters >= size) {
            for (size_t at = 0; at < size; at++)
                out[at] = leet[(uint8_t)word[at]];
            return size;
        }
    }
    if (size > SHORT)
        return 0;
    memcpy(out, word, size);
    return size;
}

static int note(PyObject *list, const char *word, size_t size)
{
    PyObject *written = PyBytes_FromStringAndSize(word, (Py_ssize_t)size);
    int failed = !written || PyList_Append(list, written);
    Py_XDECREF(written);
    return failed ? -1 : 0;
}

/* Add what is kept of a piece of ASCII; disguised ones are noted as they are written. */
static int take(const Lexicon *self, const char *piece, size_t size, Output *out, PyObject *noted)
{
    char kept[LONGEST];
    const Entry *known = find(self, piece, size);
    if (!known || !(known->kinds & PLAIN)) {
        const Entry *meant = disguised(self, piece, size, known);
        if (meant) {
            if (note(noted, piece, size))
                return -1;
            known = meant;
            piece = meant->text;
            size = meant->size;
        }
    }
    if (size < 2 || size > LONGEST || (known && known->kinds & STOP))
        return 0;
    size_t length = shape(piece, size, kept);
    return length ? add_word(out, kept, length) : 0;
}

/* Say whether a sign or apostrophe belongs to the word that it stands in; `at` is its place. */
static int joins(const char *text, size_t size, size_t at)
{
    if (!at || !is_alphanumeric(text[at - 1]) || at + 1 == size || !is_alphanumeric(text[at + 1]))
        return 0;
    if (text[at] == '!') /* `now!click` */
        return !(at >= 3 && is_alphanumeric(text[at - 2]) && is_alphanumeric(text[at - 3]));
    if (text[at] != '\'')
        return 1;
    size_t behind = 1; /* `it's`: one to three of them */
    while (at + 1 + behind < size && behind <= 3 && is_alphanumeric(text[at + 1 + behind]))
        behind++;
    return behind <= 3;
}

static PyObject *words_given(Output *out, PyObject *noted, int failed)
{
    PyObject *words = failed ? NULL : PyBytes_FromStringAndSize(out->text, (Py_ssize_t)out->size);
    PyMem_Free(out->text);
    if (!words || failed) {
        Py_XDECREF(words);
        Py_XDECREF(noted);
        return failed && !PyErr_Occurred() ? PyErr_NoMemory() : NULL;
    }
    PyObject *both = PyTuple_Pack(2, words, noted);
    Py_DECREF(words);
    Py_DECREF(noted);
    return both;
}

static PyObject *lexicon_cut(PyObject *object, PyObject *args)
{
    const Lexicon *self = (const Lexicon *)object;
    const char *text;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(args, "s#:cut", &text, &length))
        return NULL;
    size_t size = (size_t)length;
    Output out = {PyMem_Malloc(size + KEY), 0, size + KEY};
    PyObject *noted = PyList_New(0);
    int failed = !out.text || !noted;
    for (size_t at = 0; at < size && !failed;) {
        size_t begin = at;
        for (; at < size; at++) {
            uint8_t kind = kind_of[(uint8_t)text[at]];
            if (kind == BREAK || ((kind == SIGN || kind == APOSTROPHE) && !joins(text, size, at)))
                break;
        }
        if (at > begin)
            failed = take(self, text + begin, at - begin, &out, noted);
        at++;
    }
    return words_given(&out, noted, failed);
}

/* The same for pieces that are cut already and stand between spaces; `#4` and what is not ASCII was looked at before. */
static PyObject *lexicon_keep(PyObject *object, PyObject *args)
{
    const Lexicon *self = (const Lexicon *)object;
    const char *text;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(args, "s#:keep", &text, &length))
        return NULL;
    size_t size = (size_t)length;
    Output out = {PyMem_Malloc(size + KEY), 0, size + KEY};
    PyObject *noted = PyList_New(0);
    int failed = !out.text || !noted;
    for (size_t at = 0, piece; !failed && (piece = next_word(text, size, &at));) {
        const char *word = text + at - piece;
        int foreign = *word == '#';
        for (size_t each = 0; each < piece; each++)
            foreign |= (uint8_t)word[each] >= 128;
        if (!foreign) {
            failed = take(self, word, piece, &out, noted);
            continue;
        }
        const Entry *known = find(self, word, piece);
        if (!known || !(known->kinds & STOP))
            failed = add_word(&out, word, piece);
    }
    return words_given(&out, noted, failed);
}

/* ------------------------------------------------------------------------------------------------- sifting */

/* Words by their hash alone, as tokens are; a free slot is 0. */
typedef struct {
    uint64_t *slots;
    uint32_t shift;
} Names;

static uint64_t *slot_of_name(const Names *self, uint32_t crc)
{
    uint32_t mask = (uint32_t)((1ull << (64 - self->shift)) - 1), at = slot_from(crc, self->shift);
    while (self->slots[at] && (uint32_t)self->slots[at] != crc)
        at = (at + 1) & mask;
    return &self->slots[at];
}

static int read_names(Names *self, const char *names, size_t size)
{
    uint32_t bits = 4, count = count_words(names, size);
    while ((1ull << bits) < 2ull * count)
        bits++;
    self->shift = 64 - bits;
    self->slots = PyMem_Calloc(1ull << bits, sizeof(uint64_t));
    if (!self->slots)
        return -1;
    for (size_t at = 0, length; (length = next_word(names, size, &at));) {
        uint32_t crc = CRC_END(crc_on(CRC_BEGIN, names + at - length, length));
        *slot_of_name(self, crc) = 1ull << 32 | crc;
    }
    return 0;
}

/* Note an entry that is met for the first time; `met` has a byte for each. */
static int note_met(const Lexicon *self, const Entry *entry, char *met, PyObject *noted)
{
    char *before = &met[entry - self->entries];
    if (*before)
        return 0;
    *before = 1;
    PyObject *word = PyUnicode_FromStringAndSize(entry->text, entry->size);
    int failed = !word || PyList_Append(noted, word);
    Py_XDECREF(word);
    return failed ? -1 : 0;
}

static PyObject *lexicon_sift(PyObject *object, PyObject *args)
{
    const Lexicon *self = (const Lexicon *)object;
    const char *text, *own;
    Py_ssize_t length, owns;
    if (!PyArg_ParseTuple(args, "y#y#:sift", &text, &length, &own, &owns))
        return NULL;
    size_t size = (size_t)length;
    Names names = {NULL, 0};
    Output out = {PyMem_Malloc(size + KEY), 0, size + KEY};
    char *met = PyMem_Calloc(self->used + 1, 1);
    PyObject *noted = PyList_New(0);
    uint32_t kept = 0;
    int failed = !out.text || !met || !noted || read_names(&names, own, (size_t)owns);
    for (size_t at = 0, word; !failed && (word = next_word(text, size, &at));) {
        const char *begin = text + at - word;
        uint32_t crc = CRC_END(crc_on(CRC_BEGIN, begin, word));
        if (*slot_of_name(&names, crc))
            continue;
        kept++;
        failed = add_word(&out, begin, word);
        uint32_t slot = word <= KEY ? *slot_of(self, crc, begin, word) : 0;
        /* What a word only looks like is an entry without a kind. */
        if (slot && !failed && self->entries[(slot & NUMBER) - 1].kinds)
            failed = note_met(self, &self->entries[(slot & NUMBER) - 1], met, noted);
    }
    PyMem_Free(met);
    PyMem_Free(names.slots);
    PyObject *both = words_given(&out, noted, failed);
    PyObject *given = both ? Py_BuildValue("OIO", PyTuple_GetItem(both, 0), kept, PyTuple_GetItem(both, 1)) : NULL;
    Py_XDECREF(both);
    return given;
}

/* ---------------------------------------------------------------------------------------------- as a type */

static PyMethodDef lexicon_methods[] = {
    {"cut", lexicon_cut, METH_VARARGS, "Cut lower-case ASCII text into words."},
    {"keep", lexicon_keep, METH_VARARGS, "Give the words of pieces that stand between spaces."},
    {"sift", lexicon_sift, METH_VARARGS, "Leave words out, and say which of the lexicon's are among the others."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot lexicon_slots[] = {
    {Py_tp_doc, "Words that are left out, common ones, and ones that spam sells and disguises."},
    {Py_tp_new, lexicon_new},
    {Py_tp_dealloc, lexicon_free},
    {Py_tp_methods, lexicon_methods},
    {0, NULL},
};

static PyType_Spec lexicon_spec = {
    .name = "gatepost.checks.content._loops.Lexicon",
    .basicsize = sizeof(Lexicon),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = lexicon_slots,
};

int add_lexicon(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&lexicon_spec);
    int failed = !type || PyModule_AddObjectRef(module, "Lexicon", type);
    Py_XDECREF(type);
    return failed ? -1 : 0;
}
