#include "adapters/kube/words.h"

#include <gtest/gtest.h>

namespace pgo::kube {
namespace {

TEST(PlainWords, WhatPeopleNeedStaysAndValuesGo) {
  struct {
    const char *said, *kept;
  } const cases[] = {
      {R"(Secret "s" is invalid: data[k]: Invalid value: "hunter2": must be a string)",
       R"(Secret "s" is invalid: data[…]: Invalid value: "…": must be a string)"},
      {"psql: error: connection to server at \"10.1.2.3\", port 5432 failed: Connection refused",
       "psql: error: connection to server at \"10.1.2.3\", port 5432 failed: Connection refused"},
      {"FATAL:  password authentication failed for user \"app-7\"",
       "FATAL:  password authentication failed for user \"…\""},
      {"the object has been modified; please apply your changes to the latest version",
       "the object has been modified; please apply your changes to the latest version"},
      {"DETAIL: Key (token)=(9f8e7d6c5b4a) already exists.",
       "DETAIL: Key (token)=(…) already exists."},
      {"could not open file \"/pgdata/pg17/global/x\": No space left on device",
       "could not open file \"/pgdata/…\": No space left on device"},
      {"pässword=hünter 123456 12345", "… … 12345"},
      {"", ""},
      {"!@#$%^&*()", "!@#"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(PlainWords(c.said, "Secret n/s"), c.kept);
    EXPECT_EQ(PlainWords(PlainWords(c.said, "Secret n/s"), "Secret n/s"), c.kept) << "again";
  }
}

TEST(PlainWords, ResultsKeepPositionsTimesAndNumbers) {
  const Json printed = JsonLiteral(R"({"lsn":"0/5000148","timeline":3,"serving":true,"gap":null,
      "started":"2026-01-02 03:04:05.678+00","role":"primary","odd":"hunter2","a b":"primary",
      "list":["streaming","x9f"],"deep":{"lag":"1.5"}})");
  EXPECT_EQ(PlainResult(printed), JsonLiteral(R"({"lsn":"0/5000148","timeline":3,"serving":true,
      "gap":null,"started":"2026-01-02 03:04:05.678+00","role":"primary","odd":"***",
      "list":["streaming","***"],"deep":{"lag":"1.5"}})"));
  const Json labels = JsonLiteral(R"(["20261128-200000F", "20261128-200000F_20261128-210000D",
      "20261128-200000F_20261128-210000I", "000000010000000000000005"])");
  EXPECT_EQ(PlainResult(labels), labels) << "a restore is told which backup it begins with";
}

}  // namespace
}  // namespace pgo::kube
