/* SPDX-License-Identifier: MIT
 *
 * See detach.h.
 */
#include "config.h"

#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

#define EXIT_UNUSABLE 3

static int report_fd = -1; /* of the child */

/* As a shell takes it for one word. */
static void put_word(const char *text) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%=";
  if (*text != '\0' && text[strspn(text, plain)] == '\0') {
    fputs(text, stdout);
    return;
  }
  putchar('\'');
  for (; *text != '\0'; text++)
    if (*text == '\'')
      fputs("'\\''", stdout);
    else
      putchar(*text);
  putchar('\'');
}

static void say_how(const char *dir, pid_t child) {
  bool here = strcmp(dir, ".") == 0;
  printf("spate runs in the background as process %ld\n", (long)child);
  for (int i = 0; i < 2; i++) {
    fputs(i == 0 ? "  spate attach" : "  spate ctl", stdout);
    if (!here) {
      putchar(' ');
      put_word(dir);
    }
    puts(i == 0 ? "    shows it" : " stop  stops it");
  }
}

/* The child's report, or its end. */
static int wait_for(int fd, pid_t child, const char *dir, bool quiet) {
  char byte;
  int status;
  ssize_t n;
  do
    n = read(fd, &byte, 1);
  while (n < 0 && errno == EINTR);
  if (n == 1) {
    if (!quiet)
      say_how(dir, child);
    return say_printed();
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return EXIT_UNUSABLE;
  if (WIFEXITED(status))
    return WEXITSTATUS(status);
  say("the run was ended by signal %d before it began", WTERMSIG(status));
  return EXIT_UNUSABLE;
}

static void point_to_null(int fd, int flags) {
  int null = open("/dev/null", flags | O_CLOEXEC);
  if (null < 0)
    return;
  if (null != fd)
    dup2(null, fd);
  if (null > 2)
    close(null);
}

int detach_begin(const char *dir, bool quiet, bool keep_input,
                 struct errmsg *msg) {
  int fds[2];
  if (pipe(fds) != 0)
    return err_set(msg, ERR_IO, "cannot make a pipe: %s", strerror(errno));
  fcntl(fds[0], F_SETFD, FD_CLOEXEC);
  fcntl(fds[1], F_SETFD, FD_CLOEXEC);
  fflush(NULL);
  pid_t child = fork();
  if (child < 0) {
    close(fds[0]);
    close(fds[1]);
    return err_set(msg, ERR_NOMEM, "cannot start a process: %s",
                   strerror(errno));
  }
  if (child > 0) {
    close(fds[1]);
    _exit(wait_for(fds[0], child, dir, quiet));
  }
  close(fds[0]);
  report_fd = fds[1];
  setsid(); /* a fresh child leads no group, so that it cannot fail */
  if (!keep_input)
    point_to_null(STDIN_FILENO, O_RDONLY);
  point_to_null(STDOUT_FILENO, O_WRONLY);
  return 0;
}

/* ---- a run that goes on in another process --------------------------------
 */

#define WORDS_MAX 16

/* "--NAME=TEXT" for an option of the command line that the session does not
 * keep; NULL: it was not given, or there is no memory. */
static char *word_for(const struct options *options, enum option_id id) {
  const struct option_info *info = option_info(id);
  if (!options_given_by(options, id, LAYER_COMMAND_LINE))
    return NULL;
  bool flag = info->kind == OPTION_FLAG;
  const char *text = flag ? "" : options_text(options, id);
  size_t cap = strlen(info->name) + strlen(text) + 4;
  char *word = malloc(cap);
  if (word != NULL)
    snprintf(word, cap, "--%s%s%s", info->name, flag ? "" : "=", text);
  return word;
}

int detach_hand_over(const char *dir, const struct options *options) {
  static const enum option_id passed[] = {OPT_CONFIG, OPT_NO_CONFIG,
                                          OPT_PROFILE};
  const char *words[WORDS_MAX] = {"spate", "resume", "-D"};
  size_t count = 3;
  for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
    words[count] = word_for(options, passed[i]);
    count += words[count] != NULL;
  }
  words[count++] = "--";
  words[count++] = dir;
  fflush(NULL);
  execv("/proc/self/exe", (char *const *)(uintptr_t)words);
  execvp("spate", (char *const *)(uintptr_t)words);
  return errno;
}

/* ---- the child -------------------------------------------------------------
 */

bool detach_started(void) {
  if (report_fd < 0)
    return true;
  bool heard = write(report_fd, "r", 1) == 1;
  close(report_fd);
  report_fd = -1;
  point_to_null(STDERR_FILENO, O_WRONLY);
  return heard;
}
