/* SPDX-License-Identifier: MIT
 *
 * The program: prepares what a process has one of (locale, descriptors 0 to 2)
 * and hands over to a subcommand.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

#include "subcommand.h"

/* A closed standard descriptor would be given to the next file opened, and
 * what is printed would end up in the database. */
static int open_standard_fds(void) {
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
      continue;
    if (open("/dev/null", O_RDWR) != fd)
      return -1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (open_standard_fds() != 0)
    return 3;
  setlocale(LC_ALL, "");
  /* Numbers are read and written for programs: with a point. */
  setlocale(LC_NUMERIC, "C");
  const struct subcommand *command = subcommand_find(argc > 1 ? argv[1] : NULL);
  int skip = *command->name != '\0' ? 2 : 1;
  if (argc < skip)
    skip = argc;
  return subcommand_main(command, argc - skip, argv + skip);
}
