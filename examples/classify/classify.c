/* One picture through a network, in C: classify digits.onnx */
#include <math.h>
#include <stdio.h>

#include "hone/hone.h"
#include "picture.h"

static hone_code classify(const char* path, hone_model** model, hone_engine** engine,
                          hone_context** context) {
  float pixels[64];
  const int64_t shape[] = {1, 1, 8, 8};
  const hone_tensor image = {.name = "image",
                             .dtype = HONE_F32,
                             .rank = 4,
                             .shape = shape,
                             .data = pixels,
                             .bytes = sizeof pixels};
  hone_tensor logits = {.name = "logits"}; /* data NULL: the context's room */

  hone_code code = hone_import(path, NULL, model);
  if (code == HONE_OK) code = hone_build(*model, NULL, engine);
  if (code == HONE_OK) code = hone_context_create(*engine, context);
  for (int i = 0; i < 64; ++i) pixels[i] = (float)kPicture[i] / 16.0f;
  if (code == HONE_OK) code = hone_run(*context, &image, 1, &logits, 1);
  if (code != HONE_OK) return code;

  const float* scores = logits.data;
  int best = 0;
  double sum = 0;
  for (int i = 1; i < 10; ++i)
    if (scores[i] > scores[best]) best = i;
  for (int i = 0; i < 10; ++i) sum += exp(scores[i] - scores[best]);
  printf("this is a %d (%.0f %%)\n", best, 100 / sum);
  return HONE_OK;
}

int main(int count, char** arguments) {
  hone_model* model = NULL;
  hone_engine* engine = NULL;
  hone_context* context = NULL;
  if (count != 2) {
    fprintf(stderr, "usage: %s digits.onnx\n", arguments[0]);
    return HONE_USAGE;
  }
  const hone_code code = classify(arguments[1], &model, &engine, &context);
  if (code != HONE_OK) fprintf(stderr, "error: %s\n", hone_message());
  hone_context_free(context);
  hone_engine_free(engine);
  hone_model_free(model);
  return (int)code;
}
