/* SPDX-License-Identifier: MIT
 *
 * The option table, the layers of values and the command line. No file but
 * /dev/null is touched.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"
#include "option_check.h"
#include "options.h"

#define ARGS_MAX 16

/* A command line of its own memory, since secrets are blanked in it. */
struct fixture {
  struct options options;
  struct cli cli;
  struct errmsg msg;
  char *argv[ARGS_MAX];
  int argc;
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  options_init(&f->options);
  *state = f;
  return f == NULL;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  cli_fini(&f->cli);
  options_fini(&f->options);
  for (int i = 0; i < f->argc; i++)
    free(f->argv[i]);
  free(f);
  return 0;
}

static int parse_for(struct fixture *f, unsigned where, const char *command,
                     const char *const *args) {
  for (; args[f->argc] != NULL; f->argc++)
    f->argv[f->argc] = strdup(args[f->argc]);
  return cli_parse(&f->cli, &f->options, f->argc, f->argv, where, command,
                   &f->msg);
}

#define PARSE(f, ...) \
  parse_for(f, IN_RUN, "", (const char *const[]){__VA_ARGS__, NULL})

#define assert_message(f, part)                             \
  do {                                                      \
    if (strstr((f)->msg.text, part) == NULL)                \
      fail_msg("'%s' is not in '%s'", part, (f)->msg.text); \
  } while (0)

/* ---- the table -------------------------------------------------------------
 */

static void test_names_and_letters_are_unique(void **state) {
  (void)state;
  for (int id = 0; id < OPT_COUNT; id++) {
    const struct option_info *info = option_info((enum option_id)id);
    assert_int_equal(option_find(info->name), id);
    if (info->letter != '\0')
      assert_int_equal(option_find_letter(info->letter), id);
    assert_true(*info->help != '\0');
    assert_int_equal(option_is_switch(info), *info->arg == '\0');
  }
}

static void test_defaults_pass_their_own_check(void **state) {
  (void)state;
  for (int id = 0; id < OPT_COUNT; id++) {
    const struct option_info *info = option_info((enum option_id)id);
    struct errmsg msg = {""};
    if (*info->preset != '\0' && option_check(info, info->preset, &msg) != 0)
      fail_msg("%s", msg.text);
  }
}

static void test_every_limit_is_an_option(void **state) {
  (void)state;
  for (int limit = 0; limit < LIMIT_COUNT; limit++) {
    const char *name = limit_info((enum limit_id)limit)->name;
    int id = option_find(name);
    assert_true(id >= 0);
    assert_int_equal(option_info((enum option_id)id)->kind, OPTION_LIMIT);
    assert_int_equal((int)option_info((enum option_id)id)->limit, limit);
  }
}

/* ---- the command line ------------------------------------------------------
 */

static void test_forms_of_one_option(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "-j8", "--tries", "3", "--rate=30/m", "-d", "out",
                         "http://a/", "-kq", "--", "-x"),
                   0);
  assert_true(options_limit(&f->options, LIMIT_CONCURRENCY) == 8);
  assert_true(options_limit(&f->options, LIMIT_TRIES) == 3);
  assert_true(options_limit(&f->options, LIMIT_RATE) == 0.5);
  assert_string_equal(options_text(&f->options, OPT_DIR), "out");
  assert_true(options_flag(&f->options, OPT_INSECURE));
  assert_true(options_flag(&f->options, OPT_QUIET));
  assert_int_equal(f->cli.count, 2);
  assert_string_equal(f->cli.words[0], "http://a/");
  assert_string_equal(f->cli.words[1], "-x");
}

static void test_dash_is_a_word_and_an_argument(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "-i", "-", "-"), 0);
  assert_string_equal(options_item(&f->options, OPT_INPUT_FILE, 0), "-");
  assert_int_equal(f->cli.count, 1);
}

static void test_last_one_wins_on_the_line(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "-j8", "-j9"), 0);
  assert_true(options_limit(&f->options, LIMIT_CONCURRENCY) == 9);
  assert_int_equal(options_count(&f->options, OPT_CONCURRENCY), 1);
}

static void test_exclusive_flags(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--overwrite", "--auto-rename", "-4", "-6"), 0);
  assert_false(options_flag(&f->options, OPT_OVERWRITE));
  assert_true(options_flag(&f->options, OPT_AUTO_RENAME));
  assert_false(options_flag(&f->options, OPT_IPV4));
  assert_true(options_flag(&f->options, OPT_IPV6));
}

static void test_unknown_option_names_the_nearest(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--concurency=3"), ERR_USAGE);
  assert_message(f, "--concurency");
  assert_message(f, "--concurrency");
}

static void test_abbreviation_is_not_taken_but_understood(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--progress-int", "3"), ERR_USAGE);
  assert_message(f, "--progress-interval");
}

static void test_hopeless_name_gets_no_guess(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--zzzzzzzzzzzz"), ERR_USAGE);
  assert_message(f, "--help");
}

static void test_missing_argument(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--layout"), ERR_USAGE);
  assert_message(f, "--layout needs an argument");
}

static void test_flag_takes_no_argument(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--insecure=yes"), ERR_USAGE);
  assert_message(f, "--insecure takes no argument");
}

static void test_adaptive_may_have_a_word(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--adaptive", "http://h/"), 0);
  assert_true(options_limit(&f->options, LIMIT_ADAPTIVE) == 1);
  assert_int_equal(f->cli.count, 1);
}

static void test_adaptive_off(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "--adaptive=on", "--adaptive=off"), 0);
  assert_true(options_given(&f->options, OPT_ADAPTIVE));
  assert_true(options_limit(&f->options, LIMIT_ADAPTIVE) == 0);
}

static void test_lists_of_status_codes(void **state) {
  int codes[3];
  size_t count;
  (void)state;
  assert_int_equal(option_parse_statuses("403,509,599", codes, 3, &count), 0);
  assert_int_equal(count, 3);
  assert_int_equal(codes[0], 403);
  assert_int_equal(codes[2], 599);
  assert_true(option_parse_statuses("403,509,599,400", codes, 3, &count) < 0);
}

static void test_deadlines_are_times_or_words(void **state) {
  static const char *const good[] = {"auto", "none", "2030-01-31",
                                     "2030-01-31T18:00Z", "1893456000"};
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    assert_int_equal(options_set(&f->options, OPT_DEADLINE, good[i],
                                 LAYER_COMMAND_LINE, &f->msg),
                     0);
}

static void test_option_of_another_command(void **state) {
  struct fixture *f = *state;
  const char *const args[] = {"--rate", "3", NULL};
  assert_int_equal(parse_for(f, IN_STATUS, "status", args), ERR_USAGE);
  assert_message(f, "spate status");
}

static void test_json_belongs_to_status(void **state) {
  struct fixture *f = *state;
  const char *const args[] = {"--json", NULL};
  assert_int_equal(parse_for(f, IN_STATUS, "status", args), 0);
  assert_true(options_flag(&f->options, OPT_JSON));
}

static void test_secrets_leave_the_process_list(void **state) {
  struct fixture *f = *state;
  assert_int_equal(PARSE(f, "-u", "me:hunter2", "--oauth2-bearer=tok3n",
                         "-HX-Key: k3y", "https://u:pw@h/p?X-Sig=s1g"),
                   0);
  for (int i = 0; i < f->argc; i++) {
    assert_null(strstr(f->argv[i], "hunter2"));
    assert_null(strstr(f->argv[i], "tok3n"));
    assert_null(strstr(f->argv[i], "k3y"));
    assert_null(strstr(f->argv[i], "s1g"));
    assert_null(strstr(f->argv[i], "pw@"));
  }
  assert_string_equal(options_text(&f->options, OPT_USER), "me:hunter2");
  assert_string_equal(options_text(&f->options, OPT_OAUTH2_BEARER), "tok3n");
  assert_string_equal(f->cli.words[0], "https://u:pw@h/p?X-Sig=s1g");
}

/* ---- values ----------------------------------------------------------------
 */

static void test_values_out_of_range(void **state) {
  static const struct {
    enum option_id id;
    const char *text, *said;
  } wrong[] = {
      {OPT_CONCURRENCY, "0", "concurrency"},
      {OPT_CONCURRENCY, "2.5", "concurrency"},
      {OPT_RATE, "fast", "rate"},
      {OPT_LIMIT_RATE, "-1", "limit-rate"},
      {OPT_LAYOUT, "tree", "flat|path|hash"},
      {OPT_LAYOUT, "fla", "flat|path|hash"},
      {OPT_PROGRESS_INTERVAL, "0", "0.1"},
      {OPT_PROGRESS_INTERVAL, "nan", "number"},
      {OPT_PROGRESS_INTERVAL, "0x2", "number"},
      {OPT_HEADER, "no colon", "Name: value"},
      {OPT_HEADER, "Bad name: x", "Name: value"},
      {OPT_HEADER, "X: a\r\nEvil: b", "control"},
      {OPT_RESOLVE, "host:443", "HOST:PORT:ADDRESS"},
      {OPT_RESOLVE, "host:https:1.2.3.4", "HOST:PORT:ADDRESS"},
      {OPT_COOKIE, "jar.txt", "NAME=VALUE"},
      {OPT_CACERT, "/dev/null/none", "cannot read"},
      {OPT_USER_AGENT, "", "empty"},
      {OPT_NETRC, "maybe", "yes nor no"},
      {OPT_ADAPTIVE, "maybe", "give on or off"},
      {OPT_DEADLINE, "tomorrow", "auto"},
      {OPT_DEADLINE, "", "empty"},
      {OPT_THROTTLE_STATUS, "200", "400 to 599"},
      {OPT_THROTTLE_STATUS, "600", "400 to 599"},
      {OPT_THROTTLE_STATUS, "403,", "400 to 599"},
      {OPT_THROTTLE_STATUS, ",403", "400 to 599"},
      {OPT_THROTTLE_STATUS, "403;404", "400 to 599"},
      {OPT_THROTTLE_STATUS, "4030", "400 to 599"},
      {OPT_THROTTLE_STATUS,
       "400,401,402,403,404,405,406,407,408,409,410,411,412,413,414,415,416",
       "at most 16"},
      {OPT_THROTTLE_WORDS, "slow,,down", "commas"},
      {OPT_THROTTLE_WORDS, "slow, ", "commas"},
      {OPT_THROTTLE_WORDS, ",slow", "commas"},
  };
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    f->msg.text[0] = '\0';
    int rc = options_set(&f->options, wrong[i].id, wrong[i].text,
                         LAYER_COMMAND_LINE, &f->msg);
    if (rc >= 0)
      fail_msg("'%s' was taken", wrong[i].text);
    assert_message(f, wrong[i].said);
    assert_false(options_given(&f->options, wrong[i].id));
  }
}

static void test_messages_keep_secrets(void **state) {
  struct fixture *f = *state;
  assert_true(options_set(&f->options, OPT_HEADER, "Authorization Bearer s3c",
                          LAYER_COMMAND_LINE, &f->msg) < 0);
  assert_null(strstr(f->msg.text, "s3c"));
  assert_true(options_set(&f->options, OPT_COOKIE, "s3c", LAYER_COMMAND_LINE,
                          &f->msg) < 0);
  assert_null(strstr(f->msg.text, "s3c"));
}

static void set(struct fixture *f, enum option_id id, const char *text,
                enum option_layer layer) {
  assert_int_equal(options_set(&f->options, id, text, layer, &f->msg), 0);
}

static void test_higher_layer_wins_in_any_order(void **state) {
  struct fixture *f = *state;
  set(f, OPT_CONCURRENCY, "30", LAYER_COMMAND_LINE);
  set(f, OPT_CONCURRENCY, "20", LAYER_USER_INI);
  assert_true(options_limit(&f->options, LIMIT_CONCURRENCY) == 30);
  set(f, OPT_TRIES, "2", LAYER_SYSTEM_INI);
  set(f, OPT_TRIES, "7", LAYER_SESSION);
  assert_true(options_limit(&f->options, LIMIT_TRIES) == 7);
}

static void test_exclusive_flag_of_a_lower_layer_gives_way(void **state) {
  struct fixture *f = *state;
  set(f, OPT_SKIP_EXISTING, "yes", LAYER_COMMAND_LINE);
  set(f, OPT_OVERWRITE, "yes", LAYER_USER_INI);
  assert_true(options_flag(&f->options, OPT_SKIP_EXISTING));
  assert_false(options_flag(&f->options, OPT_OVERWRITE));
}

static void test_header_replaces_only_its_own_name(void **state) {
  struct fixture *f = *state;
  set(f, OPT_HEADER, "X-A: session", LAYER_SESSION);
  set(f, OPT_HEADER, "X-B: session", LAYER_SESSION);
  set(f, OPT_HEADER, "x-a: line", LAYER_COMMAND_LINE);
  set(f, OPT_HEADER, "X-A: line too", LAYER_COMMAND_LINE);
  set(f, OPT_HEADER, "X-A: ini", LAYER_USER_INI);
  assert_int_equal(options_count(&f->options, OPT_HEADER), 3);
  assert_string_equal(options_item(&f->options, OPT_HEADER, 0), "X-B: session");
  assert_string_equal(options_item(&f->options, OPT_HEADER, 1), "x-a: line");
  assert_string_equal(options_item(&f->options, OPT_HEADER, 2),
                      "X-A: line too");
}

/* ---- printing --------------------------------------------------------------
 */

static void read_back(FILE *file, char *buf, size_t cap) {
  rewind(file);
  size_t len = fread(buf, 1, cap - 1, file);
  buf[len] = '\0';
  fclose(file);
}

static void test_help_names_every_option_of_a_run(void **state) {
  static char text[65536];
  (void)state;
  FILE *file = tmpfile();
  assert_non_null(file);
  options_print_help(file, IN_RUN);
  read_back(file, text, sizeof text);
  for (int id = 0; id < OPT_COUNT; id++) {
    char name[64];
    const struct option_info *info = option_info((enum option_id)id);
    snprintf(name, sizeof name, "--%s", info->name);
    assert_int_equal(strstr(text, name) != NULL, (info->flags & IN_RUN) != 0);
  }
  for (const char *line = text; *line != '\0';) {
    size_t len = strcspn(line, "\n");
    if (len > 80)
      fail_msg("longer than a terminal: %.*s", (int)len, line);
    line += len + (line[len] == '\n');
  }
}

static void test_dump_hides_secrets(void **state) {
  static char text[65536];
  struct fixture *f = *state;
  set(f, OPT_USER, "me:hunter2", LAYER_COMMAND_LINE);
  set(f, OPT_CONCURRENCY, "64", LAYER_COMMAND_LINE);
  set(f, OPT_USER_AGENT, "a;b", LAYER_COMMAND_LINE);
  FILE *file = tmpfile();
  assert_non_null(file);
  options_dump(&f->options, file);
  read_back(file, text, sizeof text);
  assert_null(strstr(text, "hunter2"));
  assert_non_null(strstr(text, "\nconcurrency = 64\n"));
  assert_non_null(strstr(text, "\nuser-agent = \"a;b\"\n"));
}

/* As the file is read again: iniparser knows quotes of two kinds, no escapes.
 */
static void test_dump_quotes_what_needs_it(void **state) {
  static const char *const row[][2] = {
      {"a;b", "\nuser-agent = \"a;b\"\n"},
      {" ", "\nuser-agent = \" \"\n"},
      {"it's \"x\"", "\nuser-agent = it's \"x\"\n"},
      {"\"x\"; y", "\nuser-agent = '\"x\"; y'\n"},
      {"back\\", "\nuser-agent = \"back\\\"\n"},
      {"it's \"x\";", "\n; user-agent is set to what no INI file can hold\n"},
  };
  static char text[65536];
  struct fixture *f = *state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    set(f, OPT_USER_AGENT, row[i][0], LAYER_COMMAND_LINE);
    FILE *file = tmpfile();
    assert_non_null(file);
    options_dump(&f->options, file);
    read_back(file, text, sizeof text);
    if (strstr(text, row[i][1]) == NULL)
      fail_msg("not in it: %s", row[i][1]);
  }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_names_and_letters_are_unique),
      CASE(test_defaults_pass_their_own_check),
      CASE(test_every_limit_is_an_option),
      CASE(test_forms_of_one_option),
      CASE(test_dash_is_a_word_and_an_argument),
      CASE(test_last_one_wins_on_the_line),
      CASE(test_exclusive_flags),
      CASE(test_unknown_option_names_the_nearest),
      CASE(test_abbreviation_is_not_taken_but_understood),
      CASE(test_hopeless_name_gets_no_guess),
      CASE(test_missing_argument),
      CASE(test_flag_takes_no_argument),
      CASE(test_adaptive_may_have_a_word),
      CASE(test_adaptive_off),
      CASE(test_lists_of_status_codes),
      CASE(test_deadlines_are_times_or_words),
      CASE(test_option_of_another_command),
      CASE(test_json_belongs_to_status),
      CASE(test_secrets_leave_the_process_list),
      CASE(test_values_out_of_range),
      CASE(test_messages_keep_secrets),
      CASE(test_higher_layer_wins_in_any_order),
      CASE(test_exclusive_flag_of_a_lower_layer_gives_way),
      CASE(test_header_replaces_only_its_own_name),
      CASE(test_help_names_every_option_of_a_run),
      CASE(test_dump_hides_secrets),
      CASE(test_dump_quotes_what_needs_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
