# Helpers of the rules.
cmake_minimum_required(VERSION 3.25)

# list_sources(<out> <folder>...): C++ files below ROOT/<folder>, relative to ROOT.
function(list_sources out)
    set(patterns)
    foreach(folder IN LISTS ARGN)
        list(APPEND patterns ${ROOT}/${folder}/*.hpp ${ROOT}/${folder}/*.cpp)
    endforeach()
    file(GLOB_RECURSE found RELATIVE ${ROOT} ${patterns})
    list(SORT found)
    set(${out} ${found} PARENT_SCOPE)
endfunction()

# read_source(<out> <file>): the text, with what upsets CMake lists (brackets, semicolons, backslashes) replaced. The
# number of lines is unchanged; braces, parentheses and words stay.
function(read_source out file)
    file(READ ${ROOT}/${file} text)
    string(REGEX REPLACE "\\\\." "__" text "${text}")
    string(REPLACE "\\" "_" text "${text}")
    string(REPLACE "[" "<" text "${text}")
    string(REPLACE "]" ">" text "${text}")
    string(REPLACE ";" "@" text "${text}")
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

# strip_source(<out> <text>): without comments and the contents of string literals.
function(strip_source out text)
    string(REPLACE "'\"'" "' '" text "${text}")
    string(REGEX REPLACE "\"[^\"\n]*\"" "\"\"" text "${text}")
    string(REGEX REPLACE "//[^\n]*" "" text "${text}")
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

# split_lines(<out> <text>): a list with one element for each line; none is empty.
function(split_lines out text)
    string(REGEX REPLACE "^\n" " \n" text "${text}")
    string(REPLACE "\n\n" "\n \n" text "${text}")
    string(REPLACE "\n\n" "\n \n" text "${text}")
    string(REPLACE "\n" ";" lines "${text}")
    set(${out} "${lines}" PARENT_SCOPE)
endfunction()

# report(<text>) collects a finding, finish() ends the script: in failure if there was one.
set(findings_text "")
set(findings_count 0)
function(report text)
    string(APPEND findings_text "\n  ${text}")
    math(EXPR findings_count "${findings_count} + 1")
    set(findings_text "${findings_text}" PARENT_SCOPE)
    set(findings_count ${findings_count} PARENT_SCOPE)
endfunction()
function(finish)
    if(findings_count GREATER 0)
        message(FATAL_ERROR "${findings_count} findings:${findings_text}")
    endif()
endfunction()
