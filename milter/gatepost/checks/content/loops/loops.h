/* The loops of the content check that run for every letter, tag, word and token. What is asked of them stands here and nowhere
 * else; the modules that call them (words.py, markup.py, tokens.py, model.py, stretches.py) say what it is for.
 *
 * Everything read is a buffer with a length, everything written is counted before it is written or grows as needed, no
 * function calls itself, and all take time in proportion to what they are given.
 */
#ifndef GATEPOST_LOOPS_H
#define GATEPOST_LOOPS_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <stdint.h>
#include <string.h>

#define LONGEST 24 /* Letters of the longest word; what is longer is code, not language. */

enum { BREAK, LETTER, DIGIT, SIGN, APOSTROPHE };

extern uint8_t kind_of[256];
extern char looks_like[256]; /* disguise: the letter that a sign or digit is read as, and l as i */
extern char leet[256];       /* the letter that a sign or digit stands for within a word */

void prepare_letters(void);

/* CRC-32 as zlib has it, without its last inversion, so that it can go on. */
#define CRC_BEGIN 0xFFFFFFFFu
#define CRC_END(crc) ((crc) ^ 0xFFFFFFFFu)
uint32_t crc_on(uint32_t crc, const char *text, size_t size);

/* Give the length of the next run of what is no space, and move `at` to its end; 0 at the end of the text. */
size_t next_word(const char *text, size_t size, size_t *at);
uint32_t count_words(const char *text, size_t size);

int add_lexicon(PyObject *module);
int prepare_numbering(void);
/* Give where a hash goes in a table of 2**(64 - shift) slots: nobody can choose words that share a slot. */
uint32_t slot_from(uint32_t crc, uint32_t shift);

PyObject *spells(PyObject *module, PyObject *args);
PyObject *skeleton_of(PyObject *module, PyObject *args);
PyObject *survey_text(PyObject *module, PyObject *args);
PyObject *number_tokens(PyObject *module, PyObject *args);
PyObject *hash_all(PyObject *module, PyObject *args);
PyObject *look_up(PyObject *module, PyObject *args);
PyObject *weigh(PyObject *module, PyObject *args);
PyObject *strongest(PyObject *module, PyObject *args);
PyObject *members_of(PyObject *module, PyObject *args);
PyObject *sum_stretches(PyObject *module, PyObject *args);
/* Of HTML (page.c). Say whether a word, in lower case, begins here; whether a letter is white space; whether an attribute's name may
 * begin behind it. */
int begins(const char *text, size_t size, const char *word);
int is_blank(char letter);
int may_begin_name(char letter);
void prepare_elements(void);

PyObject *survey_page(PyObject *module, PyObject *args);
PyObject *prepare_page(PyObject *module, PyObject *args);
PyObject *list_styles(PyObject *module, PyObject *args);

#endif
