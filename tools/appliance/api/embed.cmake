# INPUT: a text file; OUTPUT: a .cc that defines jump::api::openapi_yaml().
file(READ ${INPUT} text)
string(LENGTH "${text}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 8000 piece)
  string(APPEND pieces "R\"~~(${piece})~~\"\n")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE ${OUTPUT}.new "#include \"tools/appliance/api/openapi.h\"

namespace jump::api {

std::string_view openapi_yaml() {
  static constexpr char kText[] =
${pieces};
  return {kText, sizeof(kText) - 1};
}

}  // namespace jump::api
")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
file(REMOVE ${OUTPUT}.new)
