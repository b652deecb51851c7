#include "protocol/mysql/collations.hpp"

#include <algorithm>
#include <array>

#include "protocol/mysql/capabilities.hpp"

namespace sluice::protocol::mysql {
namespace {

// The first row of a character set is its default. utf8mb3 is written "utf8" where a server that
// renamed it must still take the name.
constexpr std::array kCollations = std::to_array<Collation>({
    {1, "big5", "big5_chinese_ci"},
    {84, "big5", "big5_bin"},
    {8, "latin1", "latin1_swedish_ci"},
    {5, "latin1", "latin1_german1_ci"},
    {15, "latin1", "latin1_danish_ci"},
    {31, "latin1", "latin1_german2_ci"},
    {47, "latin1", "latin1_bin"},
    {48, "latin1", "latin1_general_ci"},
    {49, "latin1", "latin1_general_cs"},
    {94, "latin1", "latin1_spanish_ci"},
    {9, "latin2", "latin2_general_ci"},
    {77, "latin2", "latin2_bin"},
    {30, "latin5", "latin5_turkish_ci"},
    {41, "latin7", "latin7_general_ci"},
    {11, "ascii", "ascii_general_ci"},
    {65, "ascii", "ascii_bin"},
    {12, "ujis", "ujis_japanese_ci"},
    {91, "ujis", "ujis_bin"},
    {13, "sjis", "sjis_japanese_ci"},
    {88, "sjis", "sjis_bin"},
    {95, "cp932", "cp932_japanese_ci"},
    {96, "cp932", "cp932_bin"},
    {97, "eucjpms", "eucjpms_japanese_ci"},
    {16, "hebrew", "hebrew_general_ci"},
    {18, "tis620", "tis620_thai_ci"},
    {19, "euckr", "euckr_korean_ci"},
    {85, "euckr", "euckr_bin"},
    {7, "koi8r", "koi8r_general_ci"},
    {74, "koi8r", "koi8r_bin"},
    {22, "koi8u", "koi8u_general_ci"},
    {24, "gb2312", "gb2312_chinese_ci"},
    {86, "gb2312", "gb2312_bin"},
    {25, "greek", "greek_general_ci"},
    {26, "cp1250", "cp1250_general_ci"},
    {28, "gbk", "gbk_chinese_ci"},
    {87, "gbk", "gbk_bin"},
    {51, "cp1251", "cp1251_general_ci"},
    {50, "cp1251", "cp1251_bin"},
    {57, "cp1256", "cp1256_general_ci"},
    {59, "cp1257", "cp1257_general_ci"},
    {4, "cp850", "cp850_general_ci"},
    {36, "cp866", "cp866_general_ci"},
    {40, "cp852", "cp852_general_ci"},
    {33, "utf8", "utf8_general_ci"},
    {83, "utf8", "utf8_bin"},
    {192, "utf8", "utf8_unicode_ci"},
    {45, "utf8mb4", "utf8mb4_general_ci"},
    {46, "utf8mb4", "utf8mb4_bin"},
    {224, "utf8mb4", "utf8mb4_unicode_ci"},
    {246, "utf8mb4", "utf8mb4_unicode_520_ci"},
    {255, "utf8mb4", "utf8mb4_0900_ai_ci"},
    {248, "gb18030", "gb18030_chinese_ci"},
    {63, "binary", "binary"},
});

}  // namespace

const Collation* find_collation(std::uint16_t id, bool mariadb) {
  if (mariadb && id == kUtf8mb40900AiCi) {
    id = kUtf8mb4GeneralCi;
  }
  auto at = std::find_if(kCollations.begin(), kCollations.end(),
                         [id](const Collation& row) { return row.id == id; });
  return at == kCollations.end() ? nullptr : &*at;
}

const Collation* find_collation(std::string_view charset_or_collation) {
  auto at = std::find_if(kCollations.begin(), kCollations.end(), [&](const Collation& row) {
    return row.charset == charset_or_collation || row.name == charset_or_collation;
  });
  return at == kCollations.end() ? nullptr : &*at;
}

}  // namespace sluice::protocol::mysql
