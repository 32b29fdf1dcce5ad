/* Hone's C interface. Opaque handles, codes, a message per thread.
 *
 * Every function that can fail returns a hone_code; hone_message() then tells, on the same thread,
 * what was found, what was wanted and where. Models and engines are immutable and may be used by
 * many threads; a context has one owner at a time. Strings are UTF-8 and end in NUL.
 *
 * Structs of options begin with their size, which the caller sets to sizeof: a caller of an older
 * header gives a smaller one, and what it does not have is as if zero. Whoever adds a field puts it
 * behind the padding at the end, which older callers never filled. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HONE_API __attribute__((visibility("default")))
#else
#define HONE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hone_code {
  HONE_OK = 0,
  HONE_USAGE = 2,               /* wrong arguments, names or shapes given by the caller */
  HONE_UNSUPPORTED = 3,         /* a valid model, or a format, that Hone cannot run yet */
  HONE_INVALID_MODEL = 4,       /* the model file contradicts itself or its format */
  HONE_INCOMPATIBLE_ENGINE = 5, /* a damaged or foreign engine file */
  HONE_OUT_OF_MEMORY = 6,
  HONE_DEVICE = 7,
  HONE_IO = 8,
  HONE_ACCURACY = 9,
  HONE_INTERNAL = 10 /* a bug of ours */
} hone_code;

/* Element types, by the names hone_dtype_name() gives. */
typedef enum hone_dtype {
  HONE_F64 = 0,
  HONE_F32,
  HONE_F16,
  HONE_BF16,
  HONE_F8E4M3FN,
  HONE_F8E4M3FNUZ,
  HONE_F8E5M2,
  HONE_F8E5M2FNUZ,
  HONE_F8E8M0,
  HONE_F6E2M3,
  HONE_F6E3M2,
  HONE_F4E2M1,
  HONE_I64,
  HONE_I32,
  HONE_I16,
  HONE_I8,
  HONE_I4,
  HONE_I2,
  HONE_U64,
  HONE_U32,
  HONE_U16,
  HONE_U8,
  HONE_U4,
  HONE_U2,
  HONE_BOOL,
  HONE_C64,
  HONE_C128,
  HONE_STRING
} hone_dtype;

typedef struct hone_model hone_model;
typedef struct hone_engine hone_engine;
typedef struct hone_context hone_context;

/* What went wrong in the last call on this thread that failed. Valid until the next call here. */
HONE_API const char* hone_message(void);
HONE_API const char* hone_version(void); /* "0.1.0" */
HONE_API const char* hone_code_name(hone_code code);
HONE_API const char* hone_dtype_name(hone_dtype dtype); /* "f32"; NULL for no dtype */
/* Packed bytes of `count` elements; 0 for strings and on overflow. */
HONE_API size_t hone_dtype_bytes(hone_dtype dtype, int64_t count);

/* ---- models ---- */

/* Sizes of an input, by its name; NULL: of the only one. */
typedef struct hone_input_shape {
  const char* name;
  const int64_t* sizes;
  int32_t rank;
} hone_input_shape;

/* The value of a parameter that is a number and no tensor. */
typedef struct hone_number {
  const char* name;
  double value;
} hone_number;

/* Each option is for the formats that are named; others do not look at it. */
typedef struct hone_import_options {
  size_t size;            /* sizeof(hone_import_options) */
  int32_t random_weights; /* nonzero: fill weights whose external file is absent, from `seed` */
  uint64_t seed;
  int32_t follow_links;  /* nonzero: weights may lie behind symbolic and hard links, wherever they
                            lead; else only within a model hub's cache */
  const char* weights;   /* the other file of a net that is kept in two (Caffe, MXNet); NULL: it is
                            looked for beside the model */
  const char* signature; /* which of its signatures a SavedModel is read by; NULL: the one to serve
                            with, or the only one */
  const char* const*
      results;         /* nodes of a TensorFlow graph that give outputs, "node" or "node:1" */
  size_t result_count; /* 0: those that no node reads */
  const hone_input_shape* shapes; /* in place of those that the file states (Caffe, MXNet), or where
                                     it states none (TensorFlow, TorchScript) */
  size_t shape_count;
  const hone_number* numbers; /* of parameters of TorchScript; they are no inputs then */
  size_t number_count;
  int32_t reference_rounding; /* nonzero: integer operators of TFLite round as its reference kernels
                                 do, bit for bit, slower; else as those that its interpreter takes
                                 by default. So do floats beside weights of 8 bits, which are not
                                 rounded else */
  int32_t padding;            /* never looked at */
} hone_import_options;

/* Reads a model file. `options` may be NULL. The model keeps the file mapped. */
HONE_API hone_code hone_import(const char* path, const hone_import_options* options,
                               hone_model** model);
HONE_API void hone_model_free(hone_model* model); /* NULL is fine */

/* ---- engines ---- */

/* What f32 becomes inside an engine; sums stay f32, and so does what may not fit. */
typedef enum hone_storage {
  HONE_STORAGE_MODEL = 0, /* as the model has it */
  HONE_STORAGE_F16 = 1,
  HONE_STORAGE_BF16 = 2
} hone_storage;

typedef struct hone_engine_options {
  size_t size;          /* sizeof(hone_engine_options) */
  int32_t workers;      /* threads per inference; 0: one per usable core */
  int32_t padding;      /* never looked at */
  const char* device;   /* "cpu", "cuda", "cuda:1" (the second GPU); NULL: the processors */
  hone_storage storage; /* of hone_build(); an engine file has its own */
  int32_t no_fallback;  /* nonzero: refuse what the device has no kernel for; else such steps run on
                           the host */
  int32_t streams;      /* branches that may run beside each other on a GPU; 0: one */
  int32_t more_padding; /* never looked at */
  const char* sizes;    /* of hone_build(): what open sizes mostly are, by the names that ports give
                           them, "n=1,s=128": kernels are chosen for these, all others run, too;
                           NULL: the middle of what the model allows */
  int32_t trust;        /* of hone_engine_load(): nonzero: compiled code in the file runs whoever
                           wrote it; else that which this user wrote, and other code is made anew */
  int32_t last_padding; /* never looked at */
} hone_engine_options;

/* Optimizes and plans a model for this machine. `options` may be NULL. */
HONE_API hone_code hone_build(const hone_model* model, const hone_engine_options* options,
                              hone_engine** engine);
/* Writes the engine file whole or not at all. */
HONE_API hone_code hone_engine_save(const hone_engine* engine, const char* path);
/* Reads an engine file; damage is refused with a reason. */
HONE_API hone_code hone_engine_load(const char* path, const hone_engine_options* options,
                                    hone_engine** engine);
HONE_API void hone_engine_free(hone_engine* engine);

/* What a value is: a tensor, a list of tensors of one element type, or (of an optional) nothing. */
typedef enum hone_kind {
  HONE_TENSOR = 0,
  HONE_SEQUENCE = 1,
  HONE_NOTHING = 2
} hone_kind;

/* An input or output of an engine. Pointers live as long as the engine. */
typedef struct hone_port {
  const char* name;
  hone_dtype dtype;
  int32_t rank;                 /* -1: not known before running */
  const int64_t* dims;          /* -1: not a fixed number */
  const char* const* dim_names; /* each dimension as text: "3", "n", "2*n" */
  hone_kind kind;               /* HONE_SEQUENCE: dtype, rank and dims are those of every element */
  int32_t optional;             /* nonzero: HONE_NOTHING may stand here */
  uint64_t reserved[4];         /* zeros */
} hone_port;
HONE_API size_t hone_engine_inputs(const hone_engine* engine);
HONE_API size_t hone_engine_outputs(const hone_engine* engine);
/* Inputs that have a value of their own (initializers that are inputs, too): none of those above. A
 * run takes that value, or the tensor that it is given by this name; the first run with another set
 * of them builds again. */
HONE_API size_t hone_engine_defaults(const hone_engine* engine);
/* `index` past the end: HONE_USAGE. */
HONE_API hone_code hone_engine_input(const hone_engine* engine, size_t index, hone_port* port);
HONE_API hone_code hone_engine_output(const hone_engine* engine, size_t index, hone_port* port);
HONE_API hone_code hone_engine_default(const hone_engine* engine, size_t index, hone_port* port);

/* What can be told of an engine; the command line prints the same. */
typedef enum hone_report {
  HONE_REPORT_SUMMARY = 0, /* inputs, outputs, parameters, operations, memory: `hone inspect` */
  HONE_REPORT_STEPS,       /* every step: its ops, kernel, layers: `hone inspect --regions` */
  HONE_REPORT_EXPLANATION, /* the same, with why: `hone build --explain` */
  HONE_REPORT_PLAN,        /* the plan: `hone inspect --plan` */
  HONE_REPORT_GRAPH,       /* the graph that runs, in our text form */
  HONE_REPORT_JSON,        /* all but the graph, as JSON: `hone inspect -o json` */
  HONE_REPORT_DOT,         /* the graph that runs, for Graphviz: `hone inspect --dot` */
  HONE_REPORT_ARENA        /* the arena over time, as SVG: `hone inspect --svg` */
} hone_report;
/* `*text` is the caller's, to be given to hone_text_free(). */
HONE_API hone_code hone_engine_report(const hone_engine* engine, hone_report what, char** text);
HONE_API void hone_text_free(char* text); /* NULL is fine */

/* ---- running ---- */

/* Where the bytes of a tensor lie. */
typedef enum hone_place {
  HONE_HOST = 0,     /* memory that the processor reads */
  HONE_ON_DEVICE = 1 /* memory of the engine's device, where that has its own: a GPU's */
} hone_place;

/* A tensor of the caller's, or of a context's; where kind says so, a sequence of `count` of them
 * (their names are not looked at; rank, shape, data and bytes are not used), or nothing. Zero the
 * struct first: what later versions add is zero where it is not used. Rank is at most 64. */
typedef struct hone_tensor {
  const char* name;
  hone_dtype dtype;
  int32_t rank;
  const int64_t* shape;
  void* data;   /* inputs are only read; aligned to the element or not */
  size_t bytes; /* that data points to */
  hone_kind kind;
  const struct hone_tensor* elements;
  size_t count;
  const int64_t* strides; /* in elements, one a dimension; NULL: dense and row-major, which is all
                             that this version takes, else HONE_UNSUPPORTED */
  hone_place place;     /* of data. HONE_ON_DEVICE: aligned to the element; an output's data is not
                           NULL; what was enqueued to write an input has run */
  int32_t device;       /* which of several devices of that kind ("cuda:1": 1); 0 on the host */
  uint64_t reserved[4]; /* zeros */
} hone_tensor;

HONE_API hone_code hone_context_create(const hone_engine* engine, hone_context** context);
HONE_API void hone_context_free(hone_context* context);

/* Runs once; HONE_USAGE while another thread runs the same context. Inputs are read in place during
 * the call. Each of `outputs` names a result. Where its data is NULL the context makes room, valid
 * until the next run or free of the context, and fills in everything but the name; otherwise the
 * result is written to data, and dtype and shape must be right. That may be the data of an input:
 * it is read before. Where the model fills it as a cache (past and present of attention), nothing
 * else of it is written; after an error such an input may be filled in part. */
HONE_API hone_code hone_run(hone_context* context, const hone_tensor* inputs, size_t input_count,
                            hone_tensor* outputs, size_t output_count);
/* Working memory of the last run, weights not counted. */
HONE_API int64_t hone_context_arena_bytes(const hone_context* context);

#ifdef __cplusplus
}
#endif
