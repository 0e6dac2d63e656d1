/* SPDX-License-Identifier: MIT
 *
 * url.c: what is accepted means the same to libcurl, and the parts lie within
 * the text.
 */
#include "config.h"

#include <curl/curl.h>
#include <strings.h>

#include "fuzz.h"
#include "url.h"

#define ALL PROTOCOL_ALL

/* "" for a part that is missing: to a request it is the same. */
static void need_part(CURLU *u, CURLUPart part, unsigned flags,
                      const char *want, size_t length) {
  char *value = NULL;
  CURLUcode code = curl_url_get(u, part, &value, flags);
  const char *have = code == CURLUE_OK && value != NULL ? value : "";
  FUZZ_NEED(strlen(have) == length && memcmp(have, want, length) == 0);
  curl_free(value);
}

static void need_same_to_libcurl(const char *url, const struct url_parts *p) {
  char port[8], *host = NULL;
  CURLU *u = curl_url();
  if (u == NULL)
    exit(77);
  FUZZ_NEED(curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) == CURLUE_OK);
  snprintf(port, sizeof port, "%u", p->port);
  need_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, strlen(port));
  need_part(u, CURLUPART_QUERY, 0, url + p->query, p->query_len);
  need_part(u, CURLUPART_FRAGMENT, 0, url + p->fragment, p->fragment_len);
  if (p->path_len > 0)
    need_part(u, CURLUPART_PATH, 0, url + p->path, p->path_len);
  FUZZ_NEED(curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK);
  if (host[0] != '[') /* libcurl keeps some spellings of IPv6 */
    FUZZ_NEED(strcasecmp(host, p->host) == 0);
  curl_free(host);
  curl_url_cleanup(u);
}

static void need_within(const char *url, const struct url_parts *p) {
  size_t length = strlen(url);
  FUZZ_NEED(length <= URL_CAP);
  FUZZ_NEED((size_t)p->user + p->user_len <= length);
  FUZZ_NEED((size_t)p->path + p->path_len <= length);
  FUZZ_NEED((size_t)p->query + p->query_len <= length);
  FUZZ_NEED((size_t)p->fragment + p->fragment_len <= length);
  FUZZ_NEED(p->path_len == 0 || url[p->path] == '/');
  FUZZ_NEED(p->query_len == 0 || url[p->query - 1] == '?');
  FUZZ_NEED(p->fragment_len == 0 || url[p->fragment - 1] == '#');
  for (size_t i = 0; i < length; i++)
    FUZZ_NEED(!fuzz_is_control((unsigned char)url[i]) && url[i] != ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct url_parts parts, sent;
  struct url_ascii ascii;
  char *url = fuzz_text(data, size);
  const char *asked = url_ascii(url, &ascii);
  if (url_split(url, ALL, &parts) == 0) {
    need_within(url, &parts);
    if (strlen(asked) <= URL_CAP) {
      FUZZ_NEED(url_split(asked, ALL, &sent) == 0);
      FUZZ_NEED(strcmp(sent.origin, parts.origin) == 0);
      need_same_to_libcurl(asked, &sent);
    }
    FUZZ_NEED(url_same_object(url, asked));
    FUZZ_NEED(url_object_hash64(url, "") == url_object_hash64(asked, ""));
    /* Other protocols refuse a URL that names no file. */
    FUZZ_NEED(url_same_origin(url, parts.protocol->http ? parts.origin : url));
  } else {
    FUZZ_NEED(parts.why != NULL);
    FUZZ_NEED(!url_same_origin(url, url));
    FUZZ_NEED(asked == url);
  }
  (void)url_object_hash64(url, url);
  free(url);
  return 0;
}
