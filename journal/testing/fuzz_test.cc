// Seeded mutation of good bytes through the fuzz targets: a bounded share of fuzzing in every run.
#include "journal/testing/fuzz.h"

#include <gtest/gtest.h>

#include "journal/format/wire.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Random;
using Target = int (*)(const std::uint8_t*, std::size_t);

std::string Mutate(std::string bytes, Random& random) {
  for (std::uint64_t i = 1 + random() % 4; i > 0 && !bytes.empty(); --i) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 6) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
        break;
      case 2:
        bytes.erase(at, 1 + random() % 8);
        break;
      case 3:
        bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 16));
        break;
      case 4:
        bytes.resize(at);
        break;
      default:
        bytes.insert(at, 1 + random() % 9, static_cast<char>(0xff));
        break;
    }
  }
  return bytes;
}

void Fuzz(Target target, const std::vector<std::string>& corpus, std::uint64_t seed, int rounds) {
  Random random(seed);
  for (int i = 0; i < testing::Rounds(rounds); ++i) {
    const std::string bytes = Mutate(corpus[random() % corpus.size()], random);
    target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  for (std::size_t size = 0; size < 64; ++size) {
    std::string noise(size, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    target(reinterpret_cast<const std::uint8_t*>(noise.data()), noise.size());
  }
}

TEST(FuzzTest, RecordsSurvive) {
  Random random(31);
  std::vector<std::string> corpus;
  for (int i = 0; i < 100; ++i) {
    corpus.push_back(*EncodeRecord(testing::RandomRecord(random, 1000), 1000));
  }
  Fuzz(testing::FuzzRecord, corpus, 32, 100'000);
}

TEST(FuzzTest, FramesSurvive) {
  Random random(33);
  std::vector<std::string> corpus;
  for (const EncodedFrame& frame : testing::MakeFrames(random, 50)) corpus.push_back(frame.bytes);
  Fuzz(testing::FuzzFrame, corpus, 34, 50'000);
}

TEST(FuzzTest, ChainsSurvive) {
  std::vector<std::string> corpus;
  for (std::uint64_t length = 1; length < 8; ++length) {
    std::string bytes;
    for (std::uint64_t seq = 1; seq <= length; ++seq) {
      const std::string before = testing::Version("a", seq - 1).payload;
      const auto base = seq == 1 ? std::nullopt : std::optional<Base>({seq - 1, before});
      const std::string record = *EncodeRecord(testing::Version("a", seq), seq, base);
      PutFixed(bytes, static_cast<std::uint16_t>(record.size()));
      bytes += record;
    }
    corpus.push_back(bytes);
  }
  Fuzz(testing::FuzzChain, corpus, 38, 5'000);
}

TEST(FuzzTest, BundlesSurvive) {
  Random random(35);
  std::vector<std::string> corpus;
  for (std::size_t frames = 0; frames < 8; ++frames) {
    corpus.push_back(testing::MakeBundle(testing::MakeFrames(random, frames)));
  }
  Fuzz(testing::FuzzBundle, corpus, 36, 20'000);
}

}  // namespace
}  // namespace pgo::journal
