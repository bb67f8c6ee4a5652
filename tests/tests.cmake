# Tests, found by their names. Included by the top-level file, so paths are from the root.
#
#   tests/FOLDER/test_*.c     a cmocka executable, linked with everything     label FOLDER
#   tests/FOLDER/test_*       any other file: a script, run as it is          label FOLDER
#   tests/fuzz/fuzz_*.c       preset fuzz: a libFuzzer target; else replay_*, which runs the corpus
#   tests/{kafka,reference}/*.c  any other name: a program that the scripts there run
#   tests/kafka/preload_*.c   a library that they load into klamm
#   tests/support/*.c         helpers that every test may call
#
# Tests are called FOLDER.NAME; in the sanitizer presets PRESET/FOLDER.NAME (KLAMM_TEST_PREFIX).
# Scripts see KLAMM (the program), KLAMM_SOURCE (the tree), KLAMM_BUILD and KLAMM_KAFKA_DIR (the
# broker of tests/kafka/broker, which ctest starts before the first test with label kafka). python3 is
# the one of build/python, with the packages of .ci/requirements.txt.
set(TEST_FOLDERS unit property simulation faults cases reference kafka examples tree)
set(P ${KLAMM_TEST_PREFIX})
set(TEST_ENVIRONMENT
    KLAMM=${CMAKE_BINARY_DIR}/klamm
    KLAMM_SOURCE=${CMAKE_SOURCE_DIR}
    KLAMM_BUILD=${CMAKE_BINARY_DIR}
    KLAMM_KAFKA_DIR=${CMAKE_BINARY_DIR}/kafka
    ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
    UBSAN_OPTIONS=print_stacktrace=1
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/sanitize/tsan.supp)

# link_test(target source): everything; the worker only where the test includes its headers.
function(link_test target source)
    target_link_libraries(${target} PRIVATE klamm_all)
    file(STRINGS ${source} uses_worker REGEX "#include \"worker/")
    if(uses_worker AND TARGET worker)
        target_link_libraries(${target} PRIVATE worker)
    endif()
    if(TARGET test_support)
        target_link_libraries(${target} PRIVATE test_support)
    endif()
    if(KLAMM_LTO)
        target_link_options(${target} PRIVATE -fno-lto)
    endif()
    target_compile_definitions(${target} PRIVATE KLAMM_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endfunction()

# Time-outs are for what hangs: many times what a test takes on a busy machine. Those with the broker
# wait more than they compute and run one after the other, so they begin first.
function(describe_test name label)
    set_tests_properties(${name} PROPERTIES
        LABELS ${label} TIMEOUT 600 SKIP_RETURN_CODE 77 ENVIRONMENT "${TEST_ENVIRONMENT}"
        ENVIRONMENT_MODIFICATION "PATH=path_list_prepend:${CMAKE_SOURCE_DIR}/build/python/bin")
    if(name MATCHES "kafka")
        # Only our own accesses count for the thread sanitizer: librdkafka is not compiled for it, so
        # it would see what librdkafka copies and frees, but not the counters that order this.
        set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT_MODIFICATION
            "TSAN_OPTIONS=string_append::ignore_interceptors_accesses=1")
    endif()
    if(label STREQUAL "kafka")
        set_tests_properties(${name} PROPERTIES
            RESOURCE_LOCK kafka FIXTURES_REQUIRED ${P}kafka_broker TIMEOUT 1800 COST 1000)
    endif()
endfunction()

file(GLOB support CONFIGURE_DEPENDS tests/support/*.c)
if(support)
    add_library(test_support STATIC ${support})
    target_link_libraries(test_support PUBLIC klamm_all)
    if(TARGET worker)
        target_link_libraries(test_support PUBLIC worker)
    endif()
endif()

foreach(folder ${TEST_FOLDERS})
    if(KLAMM_FUZZ)
        break()
    endif()
    file(GLOB tests CONFIGURE_DEPENDS tests/${folder}/test_*)
    list(FILTER tests EXCLUDE REGEX "\\.h$|~$")
    foreach(test ${tests})
        get_filename_component(stem ${test} NAME_WE)
        string(REGEX REPLACE "^test_" "" name ${stem})
        if(test MATCHES "\\.c$")
            find_dependency_as(dep_cmocka cmocka)
            set(target test_${name})
            if(TARGET ${target})
                set(target test_${folder}_${name})
            endif()
            add_executable(${target} ${test})
            link_test(${target} ${test})
            target_link_libraries(${target} PRIVATE dep_cmocka)
            add_test(NAME ${P}${folder}.${name} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        else()
            add_test(NAME ${P}${folder}.${name} COMMAND ${test} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        endif()
        describe_test(${P}${folder}.${name} ${folder})
    endforeach()
endforeach()

# The program's malloc, whose settings it looks at; sanitizers have their own.
if(TARGET test_allocator AND MIMALLOC)
    target_link_libraries(test_allocator PRIVATE -Wl,--push-state,--no-as-needed ${MIMALLOC} -Wl,--pop-state)
endif()

file(GLOB programs CONFIGURE_DEPENDS tests/kafka/*.c tests/reference/*.c)
list(FILTER programs EXCLUDE REGEX "/(test|preload)_[^/]*$")
foreach(source ${programs})
    if(NOT KLAMM_FUZZ)
        get_filename_component(name ${source} NAME_WE)
        add_executable(${name} ${source})
        link_test(${name} ${source})
    endif()
endforeach()

file(GLOB preloads CONFIGURE_DEPENDS tests/kafka/preload_*.c)
foreach(source ${preloads})
    if(NOT KLAMM_FUZZ AND NOT KLAMM_SANITIZE) # a sanitizer must come first, and has calls of its own
        get_filename_component(name ${source} NAME_WE)
        add_library(${name} MODULE ${source})
        set_target_properties(${name} PROPERTIES PREFIX "")
        target_link_libraries(${name} PRIVATE klamm_flags)
    endif()
endforeach()

file(GLOB targets CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
foreach(source ${targets})
    get_filename_component(name ${source} NAME_WE)
    string(REGEX REPLACE "^fuzz_" "" what ${name})
    if(KLAMM_FUZZ)
        add_executable(${name} ${source})
        link_test(${name} ${source})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(replay_${what} ${source} tests/fuzz/replay_main.c)
        link_test(replay_${what} ${source})
        add_test(NAME ${P}fuzz.${what}
            COMMAND replay_${what} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${what})
        describe_test(${P}fuzz.${what} fuzz)
    endif()
endforeach()

if(EXISTS ${CMAKE_SOURCE_DIR}/tests/kafka/broker AND NOT KLAMM_FUZZ)
    add_test(NAME ${P}kafka.start_broker COMMAND ${CMAKE_SOURCE_DIR}/tests/kafka/broker start)
    add_test(NAME ${P}kafka.stop_broker COMMAND ${CMAKE_SOURCE_DIR}/tests/kafka/broker wipe)
    set_tests_properties(${P}kafka.start_broker PROPERTIES FIXTURES_SETUP ${P}kafka_broker)
    set_tests_properties(${P}kafka.stop_broker PROPERTIES FIXTURES_CLEANUP ${P}kafka_broker)
    set_tests_properties(${P}kafka.start_broker ${P}kafka.stop_broker PROPERTIES
        LABELS kafka TIMEOUT 600 COST 1000 ENVIRONMENT "${TEST_ENVIRONMENT}")
endif()
