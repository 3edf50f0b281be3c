#include <gtest/gtest.h>

#include "engine/base/digest.h"
#include "engine/base/fields.h"
#include "engine/base/ids.h"
#include "engine/base/json.h"

namespace pgo::base_test {
enum class Colour : std::uint8_t { kRed, kGreen };
struct Inner {
  std::string word;
  std::optional<std::int64_t> number;
  PGO_FIELDS(Inner, word, number)
};
struct Outer {
  bool flag = true;
  Colour colour = Colour::kRed;
  Seq seq;
  Inner inner;
  std::vector<Inner> list;
  std::map<std::string, Inner> table;
  Json opaque;
  PGO_FIELDS(Outer, flag, colour, seq, inner, list, table, opaque)
};
}  // namespace pgo::base_test
PGO_ENUM_NAMES(pgo::base_test::Colour, "Red", "Green");

namespace pgo::base_test {

TEST(Fields, DefaultsAreOmitted) { EXPECT_EQ(DumpJson(ToJson(Outer{})), "{}"); }

TEST(Fields, EveryKindGoesOutAndIn) {
  Outer outer;
  outer.flag = false;
  outer.colour = Colour::kGreen;
  outer.seq = Seq(7);
  outer.inner = {"x", 3};
  outer.list = {{"a", std::nullopt}, {}};
  outer.table["k"] = {"v", -1};
  outer.opaque = JsonLiteral(R"({"free":[1,"2"]})");
  const std::string text = DumpJson(ToJson(outer));
  EXPECT_EQ(text, R"({"colour":"Green","flag":false,"inner":{"number":3,"word":"x"},)"
                  R"("list":[{"word":"a"},{}],"opaque":{"free":[1,"2"]},"seq":7,)"
                  R"("table":{"k":{"number":-1,"word":"v"}}})");
  EXPECT_EQ(ToText(outer), text);
  EXPECT_EQ(FromJson<Outer>(*ParseJson(text)), outer);
}

TEST(Fields, WrongTypesKeepTheDefault) {
  const auto read = FromJson<Outer>(*ParseJson(
      R"({"flag":"no","colour":"Mauve","seq":"x","inner":[],"list":{"a":1},"table":7,"more":1})"));
  EXPECT_EQ(read, Outer{});
}

// What ParseJson promises, by nlohmann/json alone.
std::optional<Json> Reference(const std::string& text) {
  bool deep = false;
  const auto guard = [&](int depth, Json::parse_event_t, Json&) { return !(deep |= depth > 200); };
  Json value = Json::parse(text, guard, false);
  if (deep || value.is_discarded()) return std::nullopt;
  return value;
}

void ExpectAsReference(const std::string& text) {
  const auto expected = Reference(text);
  const auto parsed = ParseJson(text);
  ASSERT_EQ(parsed.has_value(), expected.has_value()) << text;
  if (!expected) return;
  EXPECT_EQ(*parsed, *expected) << text;
  EXPECT_EQ(DumpJson(*parsed), expected->dump(-1, ' ', false, Json::error_handler_t::replace));
}

TEST(Json, QuickParserAgreesWithTheReference) {
  for (const char* text : {"",
                           " ",
                           "null",
                           "1",
                           "-0",
                           "0.1",
                           "1e400",
                           "18446744073709551615",
                           "18446744073709551616",
                           "-9223372036854775809",
                           "01",
                           "1.",
                           "\"\\ud800\"",
                           "\"\\uDC00\"",
                           "\"\\ud83d\\ude00\"",
                           "\"\\u003c\\u0000\\u001f\"",
                           "\"\x01\"",
                           "\"\x7f\"",
                           "\"\xff\"",
                           "\"\xc3\xa9\"",
                           "\xef\xbb\xbf{}",
                           "{} {}",
                           "[1,]",
                           "{\"a\":1,\"a\":{\"b\":[]}}",
                           "[{},[],\"\\b\\f\\n\\r\\t\\/\\\"\\\\\"]",
                           "nul",
                           "{\"a\":true,\"b\":false,\"c\":-5,\"d\":1.5e-7,\"e\":\"\"}"}) {
    ExpectAsReference(text);
  }
  for (const int depth : {99, 100, 101, 199, 200, 201, 202}) {
    ExpectAsReference(std::string(depth, '[') + std::string(depth, ']'));
  }
}

// One byte of a valid text replaced by each that may matter, at each place.
TEST(Json, QuickParserAgreesOnEveryMutation) {
  const std::string text =
      R"({"a":[1,-2.5e3,"x\u00e9\n",null],"b":{"c":true,"d":"\ud83d\ude00 é"}})";
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char c : std::string("\"\\{}[],:0e.-tuD \x80\xc3\x01", 20)) {
      std::string changed = text;
      changed[at] = c;
      ExpectAsReference(changed);
    }
  }
}

TEST(Json, ReadersAreTotal) {
  const Json json = *ParseJson(R"({"a":{"b":5},"l":[1]})");
  EXPECT_EQ(GetInt(json, {"a", "b"}), 5);
  EXPECT_EQ(GetInt(json, {"a", "b", "c"}, 9), 9);
  EXPECT_EQ(GetString(json, {"a"}, "none"), "none");
  EXPECT_EQ(GetArray(json, {"l"}).size(), 1U);
  EXPECT_TRUE(GetArray(json, {"a"}).empty());
  EXPECT_FALSE(ParseJson("{").has_value());
  EXPECT_FALSE(ParseJson(std::string(100'000, '[')).has_value());
}

TEST(Ids, LsnReadsAndWritesAsPostgresDoes) {
  EXPECT_EQ(LsnText(Lsn(0x5000148)), "0/5000148");
  EXPECT_EQ(ParseLsn("1/AB"), Lsn(0x1000000ABULL));
  for (const char* bad : {"", "/", "1/", "/1", "x/1", "1/1 ", "100000000/0"}) {
    EXPECT_FALSE(ParseLsn(bad).has_value()) << bad;
  }
}

TEST(Ids, WallTimeIsRfc3339) {
  const auto wall = ParseWall("2026-05-04T03:12:05.118Z");
  ASSERT_TRUE(wall.has_value());
  EXPECT_EQ(WallText(*wall), "2026-05-04T03:12:05.118Z");
  EXPECT_EQ(WallSeconds(*wall), "2026-05-04T03:12:05Z");
  EXPECT_EQ(ParseWall("2026-05-04T03:12:05.118000+00:00"), wall);
  EXPECT_FALSE(ParseWall("2026-02-30T00:00:00Z").has_value());
  EXPECT_FALSE(ParseWall("yesterday at three or so").has_value());
}

TEST(Digest, NamesArePermanent) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ShortName("abc", 4).size(), 4U);
  EXPECT_EQ(ShortName("abc", 4), ShortName("abc", 4));
}

}  // namespace pgo::base_test
