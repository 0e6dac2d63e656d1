/* SPDX-License-Identifier: MIT
 *
 * Link header fields (RFC 8288) as far as a download needs them: further
 * copies of the same thing and its description, as Metalink/HTTP has them
 * (RFC 6249):
 *
 *   Link: <http://mirror/f>; rel=duplicate; pri=1; geo=de, <f.meta4>; ...
 *
 * Foreign bytes: what cannot be read is passed over. A target is a URI
 * reference as the server wrote it: resolving and judging it is the caller's.
 * Pure; any thread.
 */
#ifndef SPATE_LINK_HEADER_H
#define SPATE_LINK_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#define LINK_PRI_LAST 999999 /* RFC 6249 section 2: also when none is given */

struct link_value {
  const char *target; /* into the field's value; not terminated */
  size_t target_length;
  int pri;          /* 1 is the best */
  char geo[3];      /* country, lower case; "" none */
  char type[64];    /* media type, lower case; "" none */
  bool duplicate;   /* rel=duplicate */
  bool describedby; /* rel=describedby: type application/metalink4+xml */
  bool pref;        /* a mirror that the server prefers */
};

/* Takes the next link of a field's value: *at moves behind it. False: there is
 * none left. */
bool link_header_next(const char **at, const char *end,
                      struct link_value *link);

#endif
