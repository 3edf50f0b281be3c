// Visits a std::variant with one lambda per alternative; a forgotten one does not compile.
#pragma once

namespace pgo {
template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;
}  // namespace pgo
