// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {GOpen} from "../src/GOpen.sol";
import {GovernanceBase} from "./support/GovernanceBase.sol";
import {VM} from "./support/Vm.sol";
import {VotesHandler} from "./support/VotesHandler.sol";

contract GOpenTest is GovernanceBase {
    address private constant ALICE = address(0xA11CE);

    function setUp() public {
        deployGovernance();
        VM.deal(address(this), 1000 ether);
    }

    function test_wrapsOneToOneAndBack() public {
        gOpen.deposit{value: 5 ether}();
        (bool taken,) = address(gOpen).call{value: 2 ether}("");
        require(taken, "plain transfer");
        equal(gOpen.balanceOf(address(this)), 7 ether, "wrapped");
        equal(gOpen.totalSupply(), 7 ether, "supply");
        gOpen.withdraw(payable(ALICE), 3 ether);
        equal(ALICE.balance, 3 ether, "unwrapped");
        equal(gOpen.totalSupply(), 4 ether, "left");
        equal(address(gOpen).balance, 4 ether, "held");
    }

    function test_givesNobodyMoreThanHeHas() public {
        gOpen.deposit{value: 5 ether}();
        VM.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, address(this), 5 ether, 5 ether + 1)
        );
        gOpen.withdraw(payable(ALICE), 5 ether + 1);
        VM.prank(ALICE);
        VM.expectPartialRevert(IERC20Errors.ERC20InsufficientBalance.selector);
        gOpen.withdraw(payable(ALICE), 1);
    }

    function test_keepsTheCoinsOfWhoRefusesThem() public {
        Refuser refuser = new Refuser();
        VM.deal(address(refuser), 2 ether);
        refuser.deposit(gOpen);
        VM.expectRevert(abi.encodeWithSelector(Errors.FailedCall.selector));
        refuser.withdraw(gOpen, payable(address(refuser)));
        equal(gOpen.balanceOf(address(refuser)), 2 ether, "still there");
        refuser.withdraw(gOpen, payable(ALICE));
        equal(ALICE.balance, 2 ether, "elsewhere");
    }

    function test_paysOnceWhenTheReceiverCallsBack() public {
        gOpen.deposit{value: 5 ether}();
        Greedy greedy = new Greedy();
        VM.deal(address(greedy), 1 ether);
        greedy.run(gOpen);
        equal(address(greedy).balance, 1 ether, "taken");
        equal(address(gOpen).balance, 5 ether, "left");
        equal(gOpen.totalSupply(), 5 ether, "supply");
    }

    function test_countsVotesOfTheDelegateAsOfThen() public {
        gOpen.deposit{value: 5 ether}();
        equal(gOpen.getVotes(address(this)), 0, "before delegating");
        gOpen.delegate(ALICE);
        uint256 then = VM.getBlockTimestamp();
        VM.warp(then + 10);
        gOpen.withdraw(payable(ALICE), 5 ether);
        equal(gOpen.getVotes(ALICE), 0, "now");
        equal(gOpen.getPastVotes(ALICE, then), 5 ether, "then");
        equal(gOpen.clock(), then + 10, "clock");
        require(keccak256(bytes(gOpen.CLOCK_MODE())) == keccak256("mode=timestamp"), "mode");
    }
}

/// @notice Takes no coins.
contract Refuser {
    function deposit(GOpen gOpen) external {
        gOpen.deposit{value: address(this).balance}();
    }

    function withdraw(GOpen gOpen, address payable to) external {
        gOpen.withdraw(to, gOpen.balanceOf(address(this)));
    }
}

/// @notice Withdraws again while it is being paid.
contract Greedy {
    GOpen private _gOpen;

    function run(GOpen gOpen) external {
        _gOpen = gOpen;
        gOpen.deposit{value: 1 ether}();
        gOpen.withdraw(payable(address(this)), 1 ether);
    }

    receive() external payable {
        try _gOpen.withdraw(payable(address(this)), 1 ether) {} catch {}
    }
}

/// @notice Whatever several holders do, in any order: nothing is made, lost, or counted twice.
contract GOpenInvariants is GovernanceBase {
    VotesHandler private _handler;

    function setUp() public {
        deployGovernance();
        _handler = new VotesHandler(gOpen);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev G1: it holds the coins of all that it has given out, which is what came in less what left.
    /// @dev G2: the balances add up to the supply; each delegate's votes are the balances of those behind it.
    function invariant_isBackedAndCountedOnce() public view {
        equal(address(gOpen).balance, gOpen.totalSupply(), "G1 backing");
        equal(gOpen.totalSupply(), _handler.depositedWei() - _handler.withdrawnWei(), "G1 books");
        uint256 actors = _handler.ACTORS();
        uint256 sumWei = 0;
        uint256 votesWei = 0;
        uint256 delegatedWei = 0;
        for (uint256 i = 0; i < actors; i++) {
            address holder = _handler.actor(i);
            sumWei += gOpen.balanceOf(holder);
            votesWei += gOpen.getVotes(holder);
            if (gOpen.delegates(holder) != address(0)) delegatedWei += gOpen.balanceOf(holder);
        }
        equal(sumWei, gOpen.totalSupply(), "G2 balances");
        equal(votesWei, delegatedWei, "G2 votes");
        equal(_handler.scandals(), 0, "G3 more than was there");
    }
}
