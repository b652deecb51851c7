#include "config/docs.hpp"

#include <string_view>

#include "config/fields.hpp"
#include "config/reference.hpp"

namespace sluice::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

Generated from config/fields.hpp by `config_reference`; do not edit.

One YAML file holds the whole configuration. `sluice check -c FILE` reports every error in it at
once, as `file:line:column`; with `--offline` it opens none of the files that the file names.
An unknown key, a duplicate key or a value of the wrong type is an error.

## Values

* A **duration** is a whole number and a unit: `500ms`, `30s`, `10m`, `2h`, `1d`. Where -1 is
  allowed it means never.
* A **size** is a whole number and a unit: `512B`, `64KiB`, `16MiB`, `1GiB`.
* A **name** is 1 to 63 letters, digits, `_`, `-` and `.`.
* A **pattern** is a shell pattern: `*` any text, `?` one byte, `[a-z]` one of a set.
* A **network** is an address or a block of them: `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`.
* A **chain** is a list of middleware, each a name, or a name and its options; they are told in
  [middleware.md](middleware.md).
* An **address** is `host:port`, `[v6]:port`, `:port` for all addresses, or `unix:/path`.
* Any value may hold `${VAR}` (an error when it is not set), `${VAR:-default}` (when it is not set
  or empty) or `${file:/path}` (the file without its last newline). They are replaced after the
  YAML was read, so what they stand for stays one value; it is not looked at again. `$${` stands
  for a plain `${`.
* Every **secret** `X` has a twin `X_file`, the path of a file that holds it; one trailing newline
  is not part of it. Secrets never appear in messages.
* In a url, percent-encode what is special in a user or password (`@` is `%40`, `/` is `%2F`), in
  variables too; or leave the password out and give `password_file`.
* A url may name up to 16 hosts, which are tried in their order: `postgresql://app@a:5432,b:5433/pets`,
  `mysql://app@a,b:3307/pets`, and for PostgreSQL also `postgresql://app@/pets?host=a,b&port=5432,5433`
  and `postgresql://app@/pets?host=a:5432&host=b:5433`. An IPv6 address stands in brackets. A unix
  socket is `?host=/run/postgresql`, or `?unix_socket=/run/mysqld/mysqld.sock`.
* A **cron expression** is five fields, as in crontab(5): minute (0 to 59), hour (0 to 23), day of
  month (1 to 31), month (1 to 12, or `jan` to `dec`) and day of week (0 to 7, or `sun` to `sat`; 0
  and 7 are Sunday). A field is `*`, a value, a range `1-5`, a range or star with a step `*/15`, or
  several of them behind commas. Where neither of the two fields of days begins with a star, a day
  that fits one of them is enough. `@hourly`, `@daily` (`@midnight`), `@weekly`, `@monthly` and
  `@yearly` (`@annually`) are words for common ones. One that never comes, as 30 February, is an
  error.
* A **time zone** is a name of the IANA database, such as `UTC`, `Asia/Seoul` or `Europe/Berlin`,
  that the system's tzdata has. `UTC` is there without tzdata.
* Anchors and aliases may be used; merge keys (`<<`) and tags may not.
)";

}  // namespace

std::string render_reference() {
  Config defaults;
  Reference reference;
  fields(reference, defaults);
  return std::string(kIntroduction) + reference.sections() +
         "\n## Not supported yet\n\nThese are known and refused, so that none of them is "
         "ignored in silence; `null` is accepted for each.\n\n" +
         reference.not_yet();
}

}  // namespace sluice::config
