// What can happen to the files of a journal that is closed: by a disk, a restore, or a person.
#pragma once

#include <string>
#include <vector>

#include "journal/testing/injuries/history.h"

namespace pgo::journal::injuries {

enum class Damage : std::uint8_t {
  kFlipBit,
  kFlipByte,
  kZeroBlock,
  kNoiseBlock,
  kCut,
  kExtend,       // bytes behind the end
  kInsert,       // bytes in the middle
  kRemoveBytes,  // from the middle
  kRepeatBytes,  // a part twice
  kDeleteFile,
  kDuplicateFile,  // under another number
  kSwapFiles,
  kOlderFile,    // one file as it was in an earlier copy
  kOlderVolume,  // all of them
};
inline constexpr Damage kDamages[] = {
    Damage::kFlipBit,     Damage::kFlipByte,   Damage::kZeroBlock,     Damage::kNoiseBlock,
    Damage::kCut,         Damage::kExtend,     Damage::kInsert,        Damage::kRemoveBytes,
    Damage::kRepeatBytes, Damage::kDeleteFile, Damage::kDuplicateFile, Damage::kSwapFiles,
    Damage::kOlderFile,   Damage::kOlderVolume};

const char* NameOf(Damage damage);

// Injures the directory once; `older` are copies of it from before, oldest first, perhaps none.
// Says what was done and where: "flip-bit 000012.log at 311".
std::string Injure(const std::string& directory, const std::vector<std::string>& older,
                   Damage damage, Random& random);

}  // namespace pgo::journal::injuries
