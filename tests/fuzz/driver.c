/* SPDX-License-Identifier: MIT
 *
 * Runs one fuzz target without libFuzzer: all seeds, all inputs that once broke
 * it, and a number of changed ones, the same each time. TAP on standard output.
 *
 * usage: fuzz_X [-r ROUNDS] [FILE...]
 *
 * Without files those of tests/fuzz/seeds/X and tests/fuzz/regress/X below
 * $srcdir are taken. When a promise is broken the input is left in the file
 * "crash-X" of the working directory.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "retry.h"

#define ROUNDS 1500
#define INPUT_MOST ((size_t)64 * 1024)
#define INPUTS_MOST 2000

struct input {
  uint8_t *data;
  size_t size;
};

static struct input inputs[INPUTS_MOST];
static size_t input_count;
static char crash_name[300];
static struct input present;

/* The input that breaks a target is what somebody wants to have. */
static void on_crash(int number) {
  int fd = open(crash_name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0) {
    ssize_t n = write(fd, present.data, present.size);
    (void)n;
    close(fd);
  }
  signal(number, SIG_DFL);
  raise(number);
}

static void run(struct input input) {
  present = input;
  (void)LLVMFuzzerTestOneInput(input.data, input.size);
}

static int add_file(const char *path) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0 || input_count == INPUTS_MOST) {
    printf("# %s: %s\n", path, strerror(errno));
    return -1;
  }
  struct input *input = &inputs[input_count];
  input->size = (size_t)st.st_size;
  input->data = fuzz_alloc(input->size);
  ssize_t n = read(fd, input->data, input->size);
  close(fd);
  if (n != st.st_size)
    return -1;
  input_count++;
  return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

/* False: there is no such folder, or a file could not be read. */
static bool add_folder(const char *kind, const char *target) {
  const char *top = getenv("srcdir");
  char path[4096];
  struct dirent **entry;
  bool good = true;
  snprintf(path, sizeof path, "%s/tests/fuzz/%s/%s", top ? top : ".", kind,
           target);
  int count = scandir(path, &entry, NULL, by_name);
  for (int i = 0; i < count; i++) {
    char file[4096 + 300];
    snprintf(file, sizeof file, "%s/%s", path, entry[i]->d_name);
    if (entry[i]->d_name[0] != '.')
      good = add_file(file) == 0 && good;
    free(entry[i]);
  }
  if (count >= 0)
    free(entry);
  return good && count >= 0;
}

/* ---- changes ------------------------------------------------------------- */

static size_t below(struct rng *rng, size_t limit) {
  return limit > 0 ? (size_t)(rng_next(rng) % limit) : 0;
}

static void cut_out(struct input *in, struct rng *rng) {
  size_t at = below(rng, in->size), n = below(rng, in->size - at + 1);
  memmove(in->data + at, in->data + at + n, in->size - at - n);
  in->size -= n;
}

/* A piece of any input, put in or over. */
static void bring_in(struct input *in, struct rng *rng) {
  const struct input *from = &inputs[below(rng, input_count)];
  size_t begin = below(rng, from->size), at = below(rng, in->size + 1);
  size_t n = below(rng, from->size - begin + 1);
  if (n > INPUT_MOST - in->size)
    n = INPUT_MOST - in->size;
  memmove(in->data + at + n, in->data + at, in->size - at);
  memcpy(in->data + at, from->data + begin, n);
  in->size += n;
}

static void change(struct input *in, struct rng *rng) {
  static const uint8_t odd[] = {0,   0xff, '\n', '\r', ' ',  '"', '\'', '%',
                                ':', ';',  ',',  '=',  '\\', '/', '.',  '0',
                                '9', '-',  '{',  '[',  '<',  '&', 0x80, 0x1b};
  size_t at = below(rng, in->size);
  switch (in->size > 0 ? rng_next(rng) % 5 : 4) {
  case 0:
    in->data[at] ^= (uint8_t)(1u << below(rng, 8));
    break;
  case 1:
    in->data[at] = odd[below(rng, sizeof odd)];
    break;
  case 2:
    in->data[at] = (uint8_t)(in->data[at] + below(rng, 5) - 2);
    break;
  case 3:
    cut_out(in, rng);
    break;
  default:
    bring_in(in, rng);
  }
}

static void mutate(unsigned rounds) {
  struct input in = {fuzz_alloc(INPUT_MOST), 0};
  struct rng rng;
  rng_seed(&rng, 20);
  for (unsigned i = 0; i < rounds; i++) {
    const struct input *from = &inputs[below(&rng, input_count)];
    in.size = from->size < INPUT_MOST ? from->size : INPUT_MOST;
    memcpy(in.data, from->data, in.size);
    for (size_t n = 1 + below(&rng, 6); n > 0; n--)
      change(&in, &rng);
    /* Of its exact size, so that a read behind its end is seen. */
    struct input exact = {fuzz_alloc(in.size), in.size};
    memcpy(exact.data, in.data, in.size);
    run(exact);
    free(exact.data);
  }
  free(in.data);
}

static void watch_crashes(const char *target) {
  static const int number[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  snprintf(crash_name, sizeof crash_name, "crash-%s", target);
  for (size_t i = 0; i < sizeof number / sizeof *number; i++)
    signal(number[i], on_crash);
}

int main(int argc, char **argv) {
  const char *target = strrchr(argv[0], '/');
  unsigned rounds = ROUNDS;
  bool good = true;
  int option;
  target = target != NULL ? target + 1 : argv[0];
  if (strncmp(target, "fuzz_", 5) == 0)
    target += 5;
  watch_crashes(target);
  while ((option = getopt(argc, argv, "r:")) == 'r')
    rounds = (unsigned)strtoul(optarg, NULL, 10);
  for (int i = optind; i < argc; i++)
    good = add_file(argv[i]) == 0 && good;
  if (optind == argc)
    good = add_folder("seeds", target) && input_count > 0;
  size_t seeds = input_count;
  if (optind == argc)
    (void)add_folder("regress", target); /* not every target has been broken */
  for (size_t i = 0; i < input_count; i++)
    run(inputs[i]);
  printf("1..2\n%s 1 - %zu seeds, %zu regressions of %s\n",
         good && seeds > 0 ? "ok" : "not ok", seeds, input_count - seeds,
         target);
  fflush(stdout);
  if (input_count > 0 && optind == argc)
    mutate(rounds);
  printf("ok 2 - %u changed inputs\n", rounds);
  for (size_t i = 0; i < input_count; i++)
    free(inputs[i].data);
  return good ? 0 : 1;
}
