/* SPDX-License-Identifier: MIT
 *
 * Short texts of people and servers, by the first byte: commands for finished
 * files, types that are expected, hosts that are addresses, protocols, filters
 * and keys of the interface, limits, names of shards.
 */
#include "config.h"

#include <arpa/inet.h>
#include <math.h>

#include "address.h"
#include "exec.h"
#include "expect.h"
#include "filter.h"
#include "fuzz.h"
#include "keys.h"
#include "limits.h"
#include "protocol.h"
#include "shards.h"

static void need_text(const struct errmsg *msg, int code) {
  FUZZ_NEED(code == 0 || msg->text[0] != '\0');
  FUZZ_NEED(memchr(msg->text, '\0', sizeof msg->text) != NULL);
}

/* A path is one word, or part of one, whatever is in it. */
static void command(const char *text) {
  static const char path[] = "a b;$(c)'\"{}";
  for (int shell = 0; shell < 2; shell++) {
    struct exec_command made;
    struct errmsg msg = {""};
    int code = exec_command_init(&made, text, shell, &msg);
    need_text(&msg, code);
    if (code != 0)
      continue;
    FUZZ_NEED(made.count > 0 && made.count <= EXEC_WORDS);
    FUZZ_NEED(made.words[made.count] == NULL);
    char **words = exec_command_for(&made, path);
    FUZZ_NEED(words != NULL);
    size_t count = 0, with = 0;
    for (; words[count] != NULL; count++)
      with += strstr(words[count], path) != NULL;
    FUZZ_NEED(count == made.count || count == made.count + 1);
    FUZZ_NEED(with > 0 && (!shell || (with == 1 && count == 5)));
    FUZZ_NEED(!shell || strcmp(words[4], path) == 0);
    free(words);
    exec_command_fini(&made);
  }
}

static void types(const char *text) {
  const char *tab = strchr(text, '\t');
  size_t length = tab != NULL ? (size_t)(tab - text) : strlen(text);
  char *want = fuzz_text((const uint8_t *)text, length), why[80] = "";
  struct expect expect = {.types = want, .min_size = 3, .max_size = 9};
  if (expect_types_check(want) == 0) {
    FUZZ_NEED(strchr(want, '/') != NULL && strchr(want, ';') == NULL);
    bool fits =
        expect_head(&expect, tab != NULL ? tab + 1 : "", 5, why, sizeof why);
    FUZZ_NEED(fits || why[0] != '\0');
    FUZZ_NEED(memchr(why, '\0', sizeof why) != NULL);
    FUZZ_NEED(
        !expect_head(&expect, tab != NULL ? tab + 1 : "", 10, why, sizeof why));
  }
  free(want);
}

/* What the system takes for an address is one, and never thought a name. */
static void host(const char *text) {
  struct sockaddr_in four = {.sin_family = AF_INET};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6};
  bool is_private = false;
  bool known = address_of_text(text, &is_private);
  if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
    FUZZ_NEED(known &&
              is_private == address_is_private((const struct sockaddr *)&four));
  if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
    FUZZ_NEED(known &&
              is_private == address_is_private((const struct sockaddr *)&six));
}

static void protocols(const char *text) {
  char written[PROTOCOL_TEXT];
  unsigned set = 0, again = 0;
  (void)protocol_path_fault(text, strlen(text), false);
  if (protocol_set_parse(text, &set) != 0)
    return;
  FUZZ_NEED(set != 0 && (set & ~PROTOCOL_ALL) == 0);
  protocol_set_text(set, ",", written, sizeof written);
  FUZZ_NEED(protocol_set_parse(written, &again) == 0 && again == set);
}

static void filters(const char *text) {
  struct filter filter = {.text = "before"};
  struct errmsg msg = {""};
  struct snap_task task;
  memset(&task, 0, sizeof task);
  task.name = "data/One.tar";
  task.url = "https://a.example/One.tar";
  task.host = "a.example";
  task.reason = "404 Not Found";
  int code = filter_parse(&filter, text, &msg);
  need_text(&msg, code);
  FUZZ_NEED(filter.count >= 0 && filter.count <= FILTER_WORDS);
  FUZZ_NEED(code == 0 || strcmp(filter.text, "before") == 0);
  (void)filter_match(&filter, &task);
}

static void keys(const char *text) {
  struct keymap map;
  struct errmsg msg = {""};
  char name[64];
  int key = key_parse(text, strlen(text));
  FUZZ_NEED(key >= -1);
  if (key >= 32) { /* those of Ctrl are shown as ^E */
    keymap_key_name(key, name, sizeof name);
    FUZZ_NEED(key_parse(name, strlen(name)) == key);
  }
  keymap_init(&map);
  int code = keymap_bind(&map, "help", text, &msg);
  need_text(&msg, code);
  FUZZ_NEED(map.count <= KEYMAP_MAX);
  FUZZ_NEED(action_find(text, strlen(text)) < (int)ACTION_COUNT);
}

static void limit(const char *text) {
  char written[64];
  for (int id = 0; id < LIMIT_COUNT; id++) {
    double value = -1, again = -1;
    struct errmsg msg = {""};
    int code = limit_parse((enum limit_id)id, text, &value, &msg);
    need_text(&msg, code);
    if (code != 0)
      continue;
    FUZZ_NEED(!isnan(value) && value >= 0);
    limit_format((enum limit_id)id, value, written, sizeof written);
    code = limit_parse((enum limit_id)id, written, &again, &msg);
    FUZZ_NEED(code == 0 && fabs(again - value) <= 0.01 * value + 0.01);
  }
}

static void shard_names(const char *text) {
  struct shard_name parts;
  char again[64];
  if (!shard_name_parse(text, &parts))
    return;
  snprintf(again, sizeof again, "shard-%05u%s%s%s", parts.number,
           shard_form_suffix(parts.form), codec_suffix(parts.codec),
           parts.part ? ".part" : "");
  struct shard_name same;
  FUZZ_NEED(shard_name_parse(again, &same) && same.number == parts.number);
  FUZZ_NEED(same.form == parts.form && same.codec == parts.codec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const kind[])(const char *) = {
      command, types, host, protocols, filters, keys, limit, shard_names};
  unsigned choice = fuzz_byte(&data, &size);
  char *text = fuzz_text(data, size);
  kind[choice % (sizeof kind / sizeof *kind)](text);
  free(text);
  return 0;
}
