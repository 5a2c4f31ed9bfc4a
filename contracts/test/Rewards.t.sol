// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StakeVault} from "../src/StakeVault.sol";
import {Base} from "./support/Base.sol";
import {VM} from "./support/Vm.sol";

/// @notice What stakers are given, by stake.
contract RewardsTest is Base {
    uint256 private constant SMALL = 71;
    uint256 private constant LARGE = 72;

    function setUp() public {
        deploySystem();
        VM.deal(address(this), 1000 ether);
        VM.deal(address(payout), 1e30);
    }

    function test_takesMoneyFromThePayoutOnly() public {
        (bool taken, bytes memory refusal) = address(vault).call{value: 1}("");
        bytes memory expected = abi.encodeWithSelector(StakeVault.NotAllowed.selector, address(this));
        require(!taken && keccak256(refusal) == keccak256(expected), "taken");
    }

    function test_dividesByStake() public {
        stakeFor(SMALL, 1, 1 ether);
        stakeFor(LARGE, VALIDATOR, 3 ether);
        _reward(4 ether);
        equal(_collect(SMALL), 1 ether, "small");
        equal(_collect(LARGE), 3 ether, "large");
        equal(_collect(LARGE), 0, "twice");
    }

    function test_countsWhatStakedWhenItCame() public {
        stakeFor(SMALL, 1, 1 ether);
        _reward(2 ether);
        stakeFor(LARGE, 1, 3 ether);
        _reward(4 ether);
        VM.deal(address(this), 4 ether);
        vault.topUp{value: 4 ether}(VM.addr(SMALL));
        _reward(8 ether);
        equal(_collect(SMALL), 2 ether + 1 ether + 5 ether, "small");
        equal(_collect(LARGE), 3 ether + 3 ether, "large");
    }

    function test_givesNothingToWhomLeaves() public {
        stakeFor(SMALL, 1, 1 ether);
        stakeFor(LARGE, 1, 3 ether);
        _reward(4 ether);
        vault.requestExit(VM.addr(LARGE));
        _reward(1 ether);
        equal(_collect(SMALL), 2 ether, "small");
        equal(_collect(LARGE), 3 ether, "large");
        VM.warp(VM.getBlockTimestamp() + EXIT_DELAY);
        uint256 beforeWei = address(this).balance;
        vault.withdraw(VM.addr(LARGE));
        equal(address(this).balance - beforeWei, 3 ether, "stake");
    }

    function test_paysWhatWasEarnedWithTheStake() public {
        stakeFor(SMALL, 1, 1 ether);
        _reward(4 ether);
        vault.requestExit(VM.addr(SMALL));
        VM.warp(VM.getBlockTimestamp() + EXIT_DELAY);
        uint256 beforeWei = address(this).balance;
        vault.withdraw(VM.addr(SMALL));
        equal(address(this).balance - beforeWei, 5 ether, "stake and reward");
        equal(address(vault).balance, 0, "left");
    }

    function test_givesToTheHeirWhatTheOldKeyEarned() public {
        stakeFor(SMALL, 1, 1 ether);
        _reward(4 ether);
        vault.rotate(VM.addr(SMALL), VM.addr(73), consent(73, address(this), 1, 0));
        _reward(1 ether);
        equal(_collect(73), 5 ether, "heir");
    }

    function test_countsLessAfterASlash() public {
        stakeFor(SMALL, 1, 2 ether);
        stakeFor(LARGE, 1, 2 ether);
        _reward(4 ether);
        VM.prank(address(disputes));
        vault.slash(VM.addr(SMALL), 1 ether, address(0));
        _reward(3 ether);
        equal(_collect(SMALL), 3 ether, "small");
        equal(_collect(LARGE), 4 ether, "large");
    }

    function test_keepsWhatComesWhileNobodyStakes() public {
        _reward(1 ether);
        stakeFor(SMALL, 1, 1 ether);
        equal(_collect(SMALL), 0, "before the next");
        _reward(1 ether);
        equal(_collect(SMALL), 2 ether, "after it");
    }

    /// @dev Whatever is divided by whatever: less than a wei a member and a time stays behind, and none is made.
    function testFuzz_neverPaysMoreThanCame(uint80[4] memory stakes, uint80[6] memory given) public {
        for (uint256 i = 0; i < 4; i++) {
            stakeFor(80 + i, 1 + i, 1 ether + uint256(stakes[i]));
        }
        uint256 stakedWei = address(vault).balance;
        uint256 givenWei = 0;
        for (uint256 i = 0; i < 6; i++) {
            _reward(given[i]);
            givenWei += given[i];
        }
        uint256 paidWei = 0;
        for (uint256 i = 0; i < 4; i++) {
            paidWei += _collect(80 + i);
        }
        // What is carried over is less than a 2^-64th of the stake, for that is what a wei of it is counted in.
        uint256 carriedWei = (stakedWei >> 64) + 1;
        require(paidWei <= givenWei && givenWei - paidWei <= carriedWei + 6 + 4, "dust");
        equal(address(vault).balance, stakedWei + givenWei - paidWei, "vault");
    }

    function _reward(uint256 amountWei) private {
        VM.prank(address(payout));
        (bool taken,) = address(vault).call{value: amountWei}("");
        require(taken, "not taken");
    }

    function _collect(uint256 key) private returns (uint256) {
        uint256 beforeWei = address(this).balance;
        vault.collect(VM.addr(key));
        return address(this).balance - beforeWei;
    }
}
