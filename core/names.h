/* SPDX-License-Identifier: MIT
 *
 * Output names: from a URL or a manifest to a path that cannot leave the
 * output directory, and the opening of such a path.
 *
 * A name is a relative path of cleaned components: no "", ".", "..", no
 * leading '/' or '~', no control characters (C0, DEL, C1), no invalid UTF-8,
 * no backslash, no reserved device names (CON, NUL, COM1 ...), no trailing dot
 * or space, no component ".spate" (any case), at most 255 bytes each with the
 * ".part" suffix of a running download counted in. What is refused in a
 * component taken from a URL is replaced by '_'; in a name a person gave
 * (manifest, -o) an escape attempt ("..", absolute) is an error instead.
 *
 * Pure but for name_open(); any thread.
 */
#ifndef SPATE_NAMES_H
#define SPATE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

enum layout { LAYOUT_FLAT, LAYOUT_PATH, LAYOUT_HASH };

#define NAME_CAP 1024 /* bytes of a relative path, the NUL included */

/* The output name of a URL. FLAT: the last segment of its path, percent-
 * decoded, "index.html" when that is empty. PATH: host/path as wget -x (the
 * port, when given, as "host:port" has ':' replaced by '_'). HASH: "ab/cd/NAME"
 * where abcd are the first four hexadecimal digits of the SHA-256 of the flat
 * name, so that `printf %s NAME | sha256sum` finds a file again. Query and
 * fragment never count. */
int name_from_url(const char *url, enum layout layout, char *out,
                  size_t cap) MUST_CHECK;

/* Cleans a name a person gave ('/' separates directories). FLAT and PATH keep
 * it; HASH puts the two folders in front of it. ERR_UNSAFE for absolute paths
 * and ".." components. */
int name_from_person(const char *given, enum layout layout, char *out,
                     size_t cap) MUST_CHECK;

/* A name whose last component is what a server said instead: of that the part
 * behind the last slash or backslash, cleaned as a URL's, and not hidden (a
 * leading dot is replaced). The directories stay; HASH finds its own anew.
 * ERR_NOTFOUND when nothing is left of it. */
int name_from_server(const char *said, const char *name, enum layout layout,
                     char *out, size_t cap) MUST_CHECK;

/* A path in a document of somebody else's, each part cleaned as that of
 * name_from_server(), nothing refused: it never leads upwards or away.
 * ERR_NOTFOUND when nothing is left of it. */
int name_from_document(const char *said, char *out, size_t cap) MUST_CHECK;

/* The n-th alternative of a name: "file.tar.gz" -> "file.1.tar.gz" is wrong,
 * "file.tar.1.gz" is what aria2 does: a number before the last suffix. */
int name_numbered(const char *name, unsigned n, char *out,
                  size_t cap) MUST_CHECK;

/* Opens name below the directory dirfd without following any symbolic link on
 * the way (openat2 RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS where the system has
 * it, else component by component with O_NOFOLLOW). Makes missing directories
 * when make_dirs. flags as open(2); O_CLOEXEC and O_NOFOLLOW are added.
 * Returns a descriptor or a negative error code; errno stays as set by the
 * failing call. Blocks: call it in a job, never on the loop. */
int name_open(int dirfd, const char *name, int flags, mode_t mode,
              bool make_dirs) MUST_CHECK;

/* Opens the directory that holds name (for renameat, unlinkat, fstatat) and
 * points *leaf into name. Blocks. */
int name_open_parent(int dirfd, const char *name, bool make_dirs,
                     const char **leaf) MUST_CHECK;

/* For tests: opens component by component even where openat2 is there. */
void names__no_openat2(bool off);

#endif
