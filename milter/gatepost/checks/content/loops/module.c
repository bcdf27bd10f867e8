/* The module _loops. */
#include "loops.h"

static int begin(PyObject *module)
{
    prepare_letters();
    prepare_elements();
    return prepare_numbering() || add_lexicon(module) || PyModule_AddIntConstant(module, "LONGEST", LONGEST) ? -1 : 0;
}

static PyMethodDef functions[] = {
    {"survey_text", survey_text, METH_VARARGS, "Count what a text is made of."},
    {"survey_page", survey_page, METH_VARARGS, "Count what a page is made of."},
    {"prepare_page", prepare_page, METH_VARARGS, "Make a page fit to be built."},
    {"list_styles", list_styles, METH_VARARGS, "List the styles and colours that a page names."},
    {"spells", spells, METH_VARARGS, "Say whether a text may spell a word letter by letter."},
    {"skeleton", skeleton_of, METH_VARARGS, "Give what a word looks like."},
    {"number_tokens", number_tokens, METH_VARARGS, "Number the distinct words and pairs of neighbours."},
    {"hash_all", hash_all, METH_VARARGS, "Hash names, and put hashes behind theirs."},
    {"weigh", weigh, METH_VARARGS, "Sum what a model knows of tokens, and give the strongest."},
    {"look_up", look_up, METH_VARARGS, "Look up which tokens a model knows, and their weights."},
    {"strongest", strongest, METH_VARARGS, "Give which weights are strongest."},
    {"members_of", members_of, METH_VARARGS, "Mark the tokens of a stretch."},
    {"sum_stretches", sum_stretches, METH_VARARGS, "Sum rows of weights over each stretch."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, begin}, {0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "_loops", .m_doc = "The inner loops of the content check.", .m_methods = functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__loops(void)
{
    return PyModuleDef_Init(&module);
}
