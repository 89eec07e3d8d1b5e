# INPUT: a text file; OUTPUT: a .cc that defines jump::api::openapi_yaml().
file(READ ${INPUT} text)
string(LENGTH "${text}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 8000 piece)
  string(APPEND pieces "    R\"~~(${piece})~~\",\n")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE ${OUTPUT}.new "#include <string>

#include \"tools/appliance/api/openapi.h\"

namespace jump::api {
namespace {

constexpr std::string_view kPieces[] = {
${pieces}};

}  // namespace

std::string_view openapi_yaml() {
  static const std::string text = [] {
    std::string all;
    for (const std::string_view piece : kPieces) all += piece;
    return all;
  }();
  return text;
}

}  // namespace jump::api
")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
file(REMOVE ${OUTPUT}.new)
