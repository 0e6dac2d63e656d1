/* SPDX-License-Identifier: MIT
 *
 * See redirect.h.
 */
#include "config.h"

#include "redirect.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hosts.h"
#include "transfer.h"

static bool names_another_place(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 ||
         status == 308;
}

static bool is_https(const char *url) {
  return strncasecmp(url, "https:", 6) == 0;
}

static int check(const struct redirect *r, const struct host *host,
                 const char *from, const char *where, struct errmsg *msg) {
  if (host->protocol->bit == PROTOCOL_SFTP)
    return err_set(msg, ERR_UNSUPPORTED, "redirects to sftp are not followed");
  if ((r->rule != REDIRECT_ANY && !host->protocol->http) ||
      (r->rule == REDIRECT_AS_SAFE && is_https(from) && !is_https(where)))
    return err_set(msg, ERR_UNSUPPORTED,
                   "it redirects to something that is not as safe");
  return 0;
}

int redirect_to(const struct redirect *r, struct hosts *hosts, int status,
                const char *where, uint64_t now_ns, struct host **host,
                struct errmsg *msg) {
  const char *why = NULL, *from = *r->hop != NULL ? *r->hop : r->own;
  struct host *found = NULL;
  if (!names_another_place(status) || where == NULL)
    return 0;
  if (*r->count >= REDIRECTS_MAX)
    return err_set(msg, ERR_TOOBIG, "more than %d redirects", REDIRECTS_MAX);
  int code = hosts_get(hosts, where, now_ns, &found, &why);
  if (code != 0)
    return err_set(msg, code, "redirected to a URL that is refused: %s",
                   why != NULL ? why : err_text(code));
  code = check(r, found, from, where, msg);
  if (code != 0)
    return code;
  char *copy = strdup(where);
  if (copy == NULL)
    return err_set(msg, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
  free(*r->hop);
  *r->hop = copy;
  ++*r->count;
  *host = found;
  return 1;
}

int redirect_follow(const struct redirect *r, struct hosts *hosts,
                    const struct transfer *transfer, uint64_t now_ns,
                    struct host **host, struct errmsg *msg) {
  char *where = NULL;
  int status = transfer->answer.status;
  if (names_another_place(status))
    curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &where);
  return redirect_to(r, hosts, status, where, now_ns, host, msg);
}
