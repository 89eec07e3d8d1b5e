// Code names made from names, for what was made without one. Only for this folder's .cc files.
#pragma once

#include <string>
#include <string_view>

#include "tools/appliance/store/rows.h"

namespace jump::store {

// Letters, digits and _ of the name, in lower case; what is between becomes one -. `otherwise` when nothing
// is left.
inline std::string code_name_of(std::string_view name, std::string_view otherwise) {
  std::string code;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') {
      code += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!code.empty() && code.back() != '-') {
      code += '-';
    }
    if (code.size() == 48) break;
  }
  while (!code.empty() && code.back() == '-') code.pop_back();
  return code.empty() ? std::string(otherwise) : code;
}

// The first of code, code-2, code-3, … that is free. `table` is written by us.
inline Result<std::string> free_code_name(Db& db, const std::string& table, std::string_view name,
                                          std::string_view otherwise) {
  const std::string base = code_name_of(name, otherwise);
  std::string code = base;
  for (int n = 2;; ++n) {
    const Result<bool> taken =
        value<bool>(db, "SELECT EXISTS (SELECT 1 FROM " + table + " WHERE code_name = ?)", code);
    if (!taken) return taken.error();
    if (!*taken) return code;
    code = base + "-" + std::to_string(n);
  }
}

}  // namespace jump::store
